/*
 * signal_late_handler: a signal for the process comes while main waits and
 * other threads compute and yield.  Its handler runs once for each signal
 * (in main, unless main is still busy with the one before) and is given the signal's information and a context.  Of 1,000
 * signals, each sent when the one before was handled, none is lost.
 * Follows sigaction(2), kill(2), signal(7).
 */
#include "lib/expect.h"

#include <signal.h>

enum { SIGNALS = 1000 };

static int ends[2];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t finished = PTHREAD_COND_INITIALIZER;
static int is_finished;
static volatile int computing;
static volatile sig_atomic_t handled, wrong;

static void handle(int number, siginfo_t *information, void *context)
{
    wrong |= number != SIGUSR1 || !context || !information
          || information->si_signo != SIGUSR1 || information->si_code != SI_USER
          || information->si_pid != getpid();
    handled++;
}

static void compute(void)
{
    for (volatile int i = 0; i < 1000; i++)
        ;
}

static void *compute_and_yield(void *unused)
{
    while (computing) {
        compute();
        sched_yield();
    }
    return unused;
}

static void send_signals(void)
{
    for (int sent = 1; sent <= SIGNALS; sent++) {
        SYS(kill(getpid(), SIGUSR1));
        compute();
        while (handled < sent)
            sched_yield();
        EXPECT(handled == sent && !wrong);
    }
}

static void *send_then_write(void *unused)
{
    send_signals();
    SYS(write(ends[1], "x", 1));
    return unused;
}

static void *send_then_signal(void *unused)
{
    send_signals();
    OK(pthread_mutex_lock(&mutex));
    is_finished = 1;
    OK(pthread_cond_signal(&finished));
    OK(pthread_mutex_unlock(&mutex));
    return unused;
}

int main(void)
{
    SYS(pipe(ends));
    struct sigaction action = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART };
    sigemptyset(&action.sa_mask);
    SYS(sigaction(SIGUSR1, &action, NULL));
    computing = 1;
    pthread_t computer = start_thread(compute_and_yield, NULL);

    char byte;
    pthread_t sender = start_thread(send_then_write, NULL);
    EXPECT(read(ends[0], &byte, 1) == 1);
    join_thread(sender);
    printf("in read: %d handled\n", (int)handled);

    handled = 0;
    sender = start_thread(send_then_signal, NULL);
    OK(pthread_mutex_lock(&mutex));
    while (!is_finished)
        OK(pthread_cond_wait(&finished, &mutex));
    OK(pthread_mutex_unlock(&mutex));
    join_thread(sender);
    printf("in pthread_cond_wait: %d handled\n", (int)handled);

    handled = 0;
    join_thread(start_thread(send_then_write, NULL));
    printf("in pthread_join: %d handled\n", (int)handled);
    computing = 0;
    join_thread(computer);
    return 0;
}
