/*
 * mutex_clocklock: a timed lock on the clock of one's choice: ETIMEDOUT no
 * sooner than asked on both clocks, EINVAL for a clock that does not serve.
 * Follows pthread_mutex_clocklock (glibc manual, "Waiting with Explicit
 * Clocks").
 */
#include "lib/expect.h"
#include "lib/mutex_holder.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct mutex_holder holder;

static void try_clock(const char *name, clockid_t clock)
{
    struct timespec limit = time_in(clock, 60);
    int error = pthread_mutex_clocklock(&mutex, clock, &limit);
    show(name, error);
    EXPECT(error != ETIMEDOUT || reached(clock, limit));
}

int main(void)
{
    start_holder(&holder, &mutex);
    try_clock("CLOCK_MONOTONIC", CLOCK_MONOTONIC);
    try_clock("CLOCK_REALTIME", CLOCK_REALTIME);
    try_clock("CLOCK_PROCESS_CPUTIME_ID", CLOCK_PROCESS_CPUTIME_ID);
    struct timespec bad = { 1, 1000000000 };
    show("bad time", pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &bad));

    let_go(&holder);
    struct timespec limit = time_in(CLOCK_MONOTONIC, 20000);
    show("unlocked in time", pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &limit));
    OK(pthread_mutex_unlock(&mutex));
    join_holder(&holder);
    return 0;
}
