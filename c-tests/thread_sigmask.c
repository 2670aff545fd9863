/*
 * thread_sigmask: a thread starts with its creator's signal mask and has it for
 * itself from then on; sigprocmask in a thread means that thread.  SIGKILL and
 * SIGSTOP cannot be blocked, and a mask that is refused or only read changes
 * nothing.
 * Follows pthread_sigmask(3), sigprocmask(2).
 */
#include "lib/expect.h"
#include "lib/signals.h"

#include <signal.h>

static pthread_barrier_t turn;

static void show_set(const char *who, const sigset_t *set)
{
    static const struct { int number; const char *name; } known[] = {
        { SIGHUP, "HUP" }, { SIGUSR1, "USR1" }, { SIGUSR2, "USR2" }, { SIGTERM, "TERM" },
        { SIGKILL, "KILL" }, { SIGSTOP, "STOP" }, { 32, "32" }, { 33, "33" },
    };
    printf("  %s:", who);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (sigismember(set, known[i].number) == 1)
            printf(" %s", known[i].name);
    printf(sigismember(set, SIGRTMIN) ? " RTMIN\n" : "\n");
}

/* By both calls, which are to agree. */
static void show_own(const char *who)
{
    sigset_t mask, by_process;
    OK(pthread_sigmask(SIG_BLOCK, NULL, &mask));
    SYS(sigprocmask(SIG_BLOCK, NULL, &by_process));
    for (int number = 1; number <= SIGRTMAX; number++)
        EXPECT(sigismember(&mask, number) == sigismember(&by_process, number));
    show_set(who, &mask);
}

static void *be_other(void *unused)
{
    sigset_t before, set;
    show_own("other starts");
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    show_own("other, after main's change");

    set = set_of(SIGHUP, SIGTERM);
    show("other blocks HUP and TERM", pthread_sigmask(SIG_BLOCK, &set, &before));
    show_set("before", &before);
    show_own("other");
    set = set_of(SIGUSR1, SIGHUP);
    show("other unblocks HUP and USR1", pthread_sigmask(SIG_UNBLOCK, &set, &before));
    show_set("before", &before);
    show_own("other");
    show("no such way", pthread_sigmask(99, &set, &before));
    show("no such way, but nothing to do", pthread_sigmask(99, NULL, &before));
    show_own("other");
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);

    set = set_of(SIGUSR2, SIGUSR2);
    SYS(sigprocmask(SIG_SETMASK, &set, &before));
    puts("other sets USR2 by sigprocmask");
    show_set("before", &before);
    show_own("other");
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);

    sigfillset(&set);
    sigaddset(&set, SIGKILL);
    show("other blocks all", pthread_sigmask(SIG_SETMASK, &set, NULL));
    show_own("other");
    pthread_barrier_wait(&turn);
    return unused;
}

static void *look(void *who)
{
    show_own(who);
    return NULL;
}

int main(void)
{
    sigset_t set = set_of(SIGUSR1, SIGUSR1);
    OK(pthread_barrier_init(&turn, NULL, 2));
    OK(pthread_sigmask(SIG_SETMASK, &set, NULL));
    pthread_t other = start_thread(be_other, NULL);
    pthread_barrier_wait(&turn);
    set = set_of(SIGUSR2, SIGUSR2);
    show("main sets USR2", pthread_sigmask(SIG_SETMASK, &set, NULL));
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    show_own("main");
    sigemptyset(&set);
    show("main sets nothing", pthread_sigmask(SIG_SETMASK, &set, NULL));
    join_thread(start_thread(look, (void *)"another starts"));
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    show_own("main");
    set = set_of(SIGHUP, SIGRTMIN);
    SYS(sigprocmask(SIG_BLOCK, &set, NULL));
    puts("main blocks HUP and RTMIN by sigprocmask");
    join_thread(start_thread(look, (void *)"another starts"));
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    show_own("main");
    join_thread(other);
    show_own("main, alone");
    return 0;
}
