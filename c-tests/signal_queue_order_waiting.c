/* Real-time signals are sent to the process by several threads while one that waits
 * in read takes them, in handlers that block all of them: none is lost, and each
 * number keeps its order: sigqueue(3), signal(7), "Real-time signals".
 */
#include "lib/check.h"

#include <sched.h>

enum { NUMBERS = 4, MANY = 300 };

static sigset_t set;
static volatile int next[NUMBERS];
static volatile int total, out_of_order;
static int quiet[2];

static void on_many(int number, siginfo_t *info, void *context)
{
    (void)context;
    int which = number - SIGRTMIN, error = errno;
    out_of_order += info->si_value.sival_int != next[which];
    next[which] = info->si_value.sival_int + 1;
    __atomic_add_fetch(&total, 1, __ATOMIC_SEQ_CST);
    errno = error;
}

static void *take_while_waiting(void *unused)
{
    CHECK(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
    CHECK(take(quiet[0]) == 'q');
    return unused;
}

static void *send_many(void *argument)
{
    int which = *(int *)argument;
    for (int i = 0; i < MANY; i++) {
        CHECK(sigqueue(getpid(), SIGRTMIN + which, (union sigval){ .sival_int = i }) == 0);
        if (i % 7 == which)
            sched_yield();
    }
    return NULL;
}

int main(void)
{
    struct sigaction action = { .sa_sigaction = on_many, .sa_flags = SA_SIGINFO | SA_RESTART };
    pthread_t senders[NUMBERS];
    int numbers[NUMBERS];
    sigemptyset(&set);
    for (int which = 0; which < NUMBERS; which++)
        sigaddset(&set, SIGRTMIN + which);
    sigfillset(&action.sa_mask);
    for (int which = 0; which < NUMBERS; which++)
        CHECK(sigaction(SIGRTMIN + which, &action, NULL) == 0);
    CHECK(pipe(quiet) == 0 && pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    pthread_t waiting = start(take_while_waiting, NULL);
    for (int which = 0; which < NUMBERS; which++)
        numbers[which] = which, senders[which] = start(send_many, &numbers[which]);
    for (int which = 0; which < NUMBERS; which++)
        join(senders[which]);
    while (total < NUMBERS * MANY)
        others_run();
    give(quiet[1], 'q');
    join(waiting);
    printf("%d came, %d out of order\n", total, out_of_order);
    return 0;
}
