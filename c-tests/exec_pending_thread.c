/* Signals sent to a thread alone that are pending when it becomes another program stay
 * pending, queued ones with their values: execve(2), sigpending(2), pthread_sigqueue(3).
 */
#include "lib/check.h"
#include "lib/signals.h"

extern char **environ;
static char program[PATH_MAX];
static pthread_barrier_t turn;

static void show_pending(const char *who)
{
    sigset_t set;
    CHECK(sigpending(&set) == 0);
    printf("%s:", who);
    for (int number = 1; number < NSIG; number++)
        if (sigismember(&set, number) == 1)
            printf(" %d", number);
    puts("");
}

static int be_new_program(const char *with_threads)
{
    sigset_t all;
    siginfo_t info;
    struct timespec none = { 0, 0 };
    sigfillset(&all);
    if (with_threads[0] == '1')
        others_run();
    show_pending("  after exec");
    while (sigtimedwait(&all, &info, &none) > 0)
        printf("  taken: %d, value %d\n", info.si_signo,
               info.si_code == SI_QUEUE ? info.si_value.sival_int : 0);
    return 0;
}

static void *be_other(void *unused)
{
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    return unused;
}

static int what;

static void *become_another(void *other)
{
    union sigval one = { .sival_int = 1 };
    char *arguments[] = { program, (char *)"new", what & 1 ? "1" : "0", NULL };
    CHECK(pthread_kill(pthread_self(), SIGUSR1) == 0);
    CHECK(pthread_sigqueue(pthread_self(), SIGRTMIN + 2, one) == 0);
    CHECK(pthread_kill(*(pthread_t *)other, SIGUSR2) == 0);
    show_pending("  before");
    fflush(stdout);
    execve(program, arguments, environ);
    CHECK(!"exec");
    return NULL;
}

static void old_program(int in_thread)
{
    sigset_t all;
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, NULL) == 0);
    CHECK(pthread_barrier_init(&turn, NULL, 2) == 0);
    pthread_t other = start(be_other, NULL);
    pthread_barrier_wait(&turn);
    if (in_thread)
        join(start(become_another, &other));
    become_another(&other);
}

int main(int argc, char **argv)
{
    CHECK(readlink("/proc/self/exe", program, sizeof program - 1) > 0);
    if (argc > 2 && strcmp(argv[1], "new") == 0)
        return be_new_program(argv[2]);
    for (what = 0; what < 2; what++)
        for (int in_thread = 0; in_thread < 2; in_thread++) {
            printf("%s%s\n", in_thread ? "a thread" : "main", what ? ", threads after exec" : "");
            fflush(stdout);
            pid_t child = fork();
            CHECK(child >= 0);
            if (child == 0)
                old_program(in_thread);
            CHECK(strcmp(child_end(child), "exit 0") == 0);
        }
    return 0;
}
