/* A signal that another process sends to the main thread by tgkill(2) brings that
 * process's number; sigwaitinfo(3) calls what pthread_kill, raise and tgkill
 * have sent SI_USER, as glibc does: sigaction(2), siginfo_t.
 */
#include "lib/check.h"
#include "lib/signals.h"

#include <sys/syscall.h>

static volatile sig_atomic_t sender, code;

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    sender = info->si_pid;
    code = info->si_code;
}

static void *take_three(void *unused)
{
    sigset_t set = set_of(SIGUSR2, 0);
    siginfo_t info;
    change_mask(SIG_BLOCK, SIGUSR2);
    for (int i = 0; i < 3; i++) {
        CHECK((i == 0 ? raise(SIGUSR2) : i == 1 ? pthread_kill(pthread_self(), SIGUSR2)
               : tgkill(getpid(), gettid(), SIGUSR2)) == 0);
        CHECK(sigwaitinfo(&set, &info) == SIGUSR2 && info.si_pid == getpid());
        printf("taken: %s\n", info.si_code == SI_USER ? "SI_USER" : info.si_code == SI_TKILL ? "SI_TKILL" : "?");
    }
    return unused;
}

int main(void)
{
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
    sigset_t usr1 = set_of(SIGUSR1, 0), before;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    join(start(take_three, NULL));
    CHECK(pthread_sigmask(SIG_BLOCK, &usr1, &before) == 0);
    pid_t child = fork();
    if (child == 0)
        _exit(syscall(SYS_tgkill, getppid(), getppid(), SIGUSR1) != 0);
    CHECK(child > 0);
    CHECK(sigsuspend(&before) == -1 && errno == EINTR);
    printf("SI_TKILL %d, from the child %d\n", code == SI_TKILL, sender == child);
    printf("the child: %s\n", child_end(child));
    return 0;
}
