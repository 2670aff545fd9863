/* A SIGURG that is blocked waits to be taken, and while threads compute there is
 * never one that the program has not sent. A thread's mask, and after exec an
 * ignored SIGURG, are what the program has made them: sigpending(2), sigwait(3),
 * execve(2).
 *
 * test: timeout=20
 * test: env=GREEN_SLICE_MS=10
 * test: slow
 */
#include "lib/computing.h"
#include "lib/signals.h"

static sigset_t urgent;

static int is_blocked(void)
{
    sigset_t set;
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &set) == 0);
    return sigismember(&set, SIGURG);
}

static void taken_by_sigwait(const char *name)
{
    int number;
    siginfo_t info;
    struct timespec limit = { 0, 30000000 };
    CHECK(is_blocked() && !is_pending(SIGURG));
    errno = 0;
    CHECK(sigtimedwait(&urgent, &info, &limit) == -1 && errno == EAGAIN);

    CHECK(raise(SIGURG) == 0);
    compute_for_ticks(3);
    CHECK(is_pending(SIGURG));
    CHECK(sigwait(&urgent, &number) == 0 && number == SIGURG);
    CHECK(!is_pending(SIGURG));

    union sigval seven = { .sival_int = 7 };
    CHECK(pthread_sigqueue(pthread_self(), SIGURG, seven) == 0);
    compute_for_ticks(3);
    CHECK(is_pending(SIGURG));
    CHECK(sigtimedwait(&urgent, &info, &limit) == SIGURG);
    CHECK(info.si_code == SI_QUEUE && info.si_value.sival_int == 7 && info.si_pid == getpid());
    compute_for_ticks(3);
    CHECK(!is_pending(SIGURG) && is_blocked());
    printf("%s: pending, taken by sigwait\n", name);
}

static volatile sig_atomic_t handled;

static void count(int number)
{
    CHECK(number == SIGURG && is_blocked());
    handled++;
}

static void unblocked_at_last(void)
{
    struct sigaction action = { .sa_handler = count };
    CHECK(sigaction(SIGURG, &action, NULL) == 0);
    CHECK(raise(SIGURG) == 0);
    compute_for_ticks(5);
    CHECK(is_pending(SIGURG) && handled == 0);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &urgent, NULL) == 0);
    CHECK(handled == 1 && !is_pending(SIGURG));
    compute_for_ticks(5);
    CHECK(handled == 1 && !is_blocked());
    puts("handler: runs when the thread unblocks the signal");
}

/* ---- exec ----------------------------------------------------------------------- */

static void exec_child(const char *program, void (*disposition)(int), int block)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        CHECK(signal(SIGURG, disposition) != SIG_ERR);
        CHECK(pthread_sigmask(block ? SIG_BLOCK : SIG_UNBLOCK, &urgent, NULL) == 0);
        execl(program, program, "child", NULL);
        CHECK(!"exec");
    }
    CHECK(strcmp(child_end(child), "exit 0") == 0);
}

static int after_exec(void)
{
    struct sigaction seen;
    CHECK(sigaction(SIGURG, NULL, &seen) == 0);
    begin_ticks();
    compute_for_ticks(3);
    end_ticks();
    CHECK(!is_pending(SIGURG));
    printf("after exec: %s, %s\n", seen.sa_handler == SIG_DFL ? "SIG_DFL"
           : seen.sa_handler == SIG_IGN ? "SIG_IGN" : "a handler",
           is_blocked() ? "blocked" : "not blocked");
    return 0;
}

int main(int argc, char **argv)
{
    CHECK(sigemptyset(&urgent) == 0 && sigaddset(&urgent, SIGURG) == 0);
    if (argc > 1)
        return after_exec();
    begin_computing(1);     /* does not block it */
    CHECK(pthread_sigmask(SIG_BLOCK, &urgent, NULL) == 0);
    begin_ticks();
    taken_by_sigwait("one other thread does not block it");
    end_computing();
    begin_computing(2);
    taken_by_sigwait("all threads block it");
    unblocked_at_last();
    exec_child(argv[0], count, 0);
    exec_child(argv[0], SIG_IGN, 0);
    exec_child(argv[0], SIG_DFL, 1);
    exec_child(argv[0], SIG_IGN, 1);
    end_computing();
    end_ticks();
    return 0;
}
