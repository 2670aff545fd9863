/* A signal for the process runs its handler in the one thread that does not block
 * it, also while two others do nothing but let each other run: signal(7),
 * pthread_sigmask(3), sched_yield(2).
 */
#include "lib/check.h"

#include <sched.h>
#include <sys/time.h>

enum { ALARMS = 3000, PATIENCE_S = 3 };

static pthread_t taker;
static volatile int stop;
static long handled, elsewhere;

static void on_alarm(int number)
{
    (void)number;
    if (!pthread_equal(pthread_self(), taker))
        __atomic_add_fetch(&elsewhere, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&handled, 1, __ATOMIC_SEQ_CST);
}

static void *yield(void *unused)
{
    while (!stop)
        sched_yield();
    return unused;
}

int main(void)
{
    struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
    struct itimerval often = { { 0, 50 }, { 0, 50 } };
    pthread_t others[2];
    sigset_t alarms;
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    taker = pthread_self();
    CHECK(pthread_sigmask(SIG_BLOCK, &alarms, NULL) == 0);
    for (size_t i = 0; i < COUNT(others); i++)
        others[i] = start(yield, NULL);
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &alarms, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    double end = seconds(CLOCK_MONOTONIC) + PATIENCE_S;
    while (handled < ALARMS && seconds(CLOCK_MONOTONIC) < end)
        sched_yield();
    CHECK(setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL) == 0);
    stop = 1;
    for (size_t i = 0; i < COUNT(others); i++)
        join(others[i]);
    CHECK(handled >= 100);
    dprintf(2, "%ld handled, %ld in a thread that blocks the signal\n", handled, elsewhere);
    printf("in a thread that blocks the signal: %d\n", elsewhere > 0);
    return 0;
}
