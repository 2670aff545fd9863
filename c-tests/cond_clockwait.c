/*
 * cond_clockwait: a timed wait on the clock given in the call, whatever the
 * condition's own clock is.
 * Follows pthread_cond_clockwait (glibc manual, "Waiting with Explicit
 * Clocks").
 */
#include "lib/expect.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int ready;

static void *make_ready(void *unused)
{
    OK(pthread_mutex_lock(&mutex));
    ready = 1;
    OK(pthread_cond_signal(&condition));
    OK(pthread_mutex_unlock(&mutex));
    return unused;
}

static int wait_until(clockid_t clock, struct timespec limit)
{
    int error = 0;
    while (!ready && !error)
        error = pthread_cond_clockwait(&condition, &mutex, clock, &limit);
    return error;
}

static void try_clock(const char *name, clockid_t clock)
{
    printf("%s\n", name);
    ready = 0;
    OK(pthread_mutex_lock(&mutex));
    struct timespec limit = time_in(clock, 60);
    show("  60 ms", wait_until(clock, limit));
    EXPECT(reached(clock, limit));
    pthread_t thread = start_thread(make_ready, NULL);
    show("  signalled in time", wait_until(clock, time_in(clock, 20000)));
    OK(pthread_mutex_unlock(&mutex));
    join_thread(thread);
}

int main(void)
{
    try_clock("CLOCK_MONOTONIC", CLOCK_MONOTONIC);
    try_clock("CLOCK_REALTIME", CLOCK_REALTIME);

    ready = 0;
    OK(pthread_mutex_lock(&mutex));
    struct timespec limit = time_in(CLOCK_MONOTONIC, 10000);
    show("clock that does not serve", wait_until(CLOCK_PROCESS_CPUTIME_ID, limit));
    limit.tv_nsec = 1000000000;
    show("bad time", wait_until(CLOCK_MONOTONIC, limit));
    OK(pthread_mutex_unlock(&mutex));
    return 0;
}
