/*
 * thread_sigpending: a signal for the process goes to a thread that does not
 * block it, and while all do it is pending for each, for one to take; what a
 * thread raises is for that thread.  While a handler runs, its mask holds for
 * its thread alone, even if it waits.
 * Follows signal(7), raise(3), sigpending(2), sigaction(2).
 */
#include "lib/expect.h"

#include <semaphore.h>
#include <signal.h>

static pthread_barrier_t turn;
static sem_t ran;
static int wire[2];
static pthread_t main_thread;
static volatile sig_atomic_t handled;
static pthread_t handled_by;

static const char *name_of(pthread_t thread)
{
    return pthread_equal(thread, main_thread) ? "main" : "other";
}

static void handle(int number)
{
    (void)number;
    handled++;
    handled_by = pthread_self();
    SYS(sem_post(&ran));
}

/* Reads, so that others run while it does. */
static void handle_and_wait(int number)
{
    char byte;
    (void)number;
    SYS(sem_post(&ran));
    EXPECT(SYS(read(wire[0], &byte, 1)) == 1);
}

static void block(int how, int number)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    OK(pthread_sigmask(how, &set, NULL));
}

static void show_pending(void)
{
    sigset_t pending;
    SYS(sigpending(&pending));
    printf("  pending for %s: USR1 %d, USR2 %d\n", name_of(pthread_self()),
           sigismember(&pending, SIGUSR1), sigismember(&pending, SIGUSR2));
}

static void *be_other(void *unused)
{
    sigset_t set;
    int number;
    block(SIG_UNBLOCK, SIGUSR1);
    pthread_barrier_wait(&turn);        /* main sends to the process, USR1 is open here */
    pthread_barrier_wait(&turn);
    block(SIG_BLOCK, SIGUSR1);
    pthread_barrier_wait(&turn);        /* main sends both, nobody is open */
    pthread_barrier_wait(&turn);
    show_pending();
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    OK(sigwait(&set, &number));
    printf("other took %s\n", number == SIGUSR2 ? "USR2" : "another");
    block(SIG_UNBLOCK, SIGUSR1);
    printf("other opened USR1: handled %d, by %s\n", (int)handled, name_of(handled_by));
    block(SIG_BLOCK, SIGUSR1);
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);

    puts("other raises both");
    SYS(raise(SIGUSR1));
    SYS(raise(SIGUSR2));
    show_pending();
    pthread_barrier_wait(&turn);        /* main opens both */
    pthread_barrier_wait(&turn);
    block(SIG_UNBLOCK, SIGUSR1);
    printf("other opened USR1: handled %d, by %s\n", (int)handled, name_of(handled_by));
    handled = 0;
    SYS(raise(SIGUSR1));
    printf("other raises USR1, open: handled %d\n", (int)handled);
    show_pending();
    return unused;
}

static void to_process(void)
{
    pthread_t other = start_thread(be_other, NULL);
    pthread_barrier_wait(&turn);
    SYS(kill(getpid(), SIGUSR1));
    SYS(sem_wait(&ran));
    printf("for the process, open in other: handled %d, by %s\n", (int)handled,
           name_of(handled_by));
    pthread_barrier_wait(&turn);
    handled = 0;
    pthread_barrier_wait(&turn);
    SYS(kill(getpid(), SIGUSR1));
    SYS(kill(getpid(), SIGUSR2));
    puts("for the process, open nowhere");
    show_pending();
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    show_pending();
    handled = 0;
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    show_pending();
    block(SIG_UNBLOCK, SIGUSR1);
    block(SIG_UNBLOCK, SIGUSR2);
    printf("main opened both: handled %d\n", (int)handled);
    pthread_barrier_wait(&turn);
    join_thread(other);
}

static void *be_interrupted(void *unused)
{
    sigset_t mask;
    SYS(raise(SIGHUP));
    OK(pthread_sigmask(SIG_BLOCK, NULL, &mask));
    printf("after its handler: HUP %d, USR1 %d\n", sigismember(&mask, SIGHUP),
           sigismember(&mask, SIGUSR1));
    return unused;
}

int main(void)
{
    main_thread = pthread_self();
    struct sigaction action = { .sa_handler = handle, .sa_flags = SA_RESTART };
    SYS(sigaction(SIGUSR1, &action, NULL));
    SYS(sigaction(SIGUSR2, &action, NULL));
    SYS(sem_init(&ran, 0, 0));
    SYS(pipe(wire));
    OK(pthread_barrier_init(&turn, NULL, 2));
    block(SIG_BLOCK, SIGUSR1);
    block(SIG_BLOCK, SIGUSR2);
    to_process();

    while (sem_trywait(&ran) == 0)
        ;
    action.sa_handler = handle_and_wait;
    sigaddset(&action.sa_mask, SIGUSR1);
    SYS(sigaction(SIGHUP, &action, NULL));
    handled = 0;
    pthread_t other = start_thread(be_interrupted, NULL);
    SYS(sem_wait(&ran));
    sigset_t mask;
    OK(pthread_sigmask(SIG_BLOCK, NULL, &mask));
    SYS(raise(SIGUSR1));
    printf("while another's handler waits: HUP %d, USR1 %d, raised and handled %d\n",
           sigismember(&mask, SIGHUP), sigismember(&mask, SIGUSR1), (int)handled);
    SYS(write(wire[1], "x", 1));
    join_thread(other);
    return 0;
}
