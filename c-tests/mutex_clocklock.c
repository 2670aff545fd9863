/*
 * mutex_clocklock: a timed lock on the clock of one's choice: ETIMEDOUT no
 * sooner than asked on both clocks, EINVAL for a clock that does not serve.
 * Follows pthread_mutex_clocklock (glibc manual, "Waiting with Explicit
 * Clocks").
 */
#include "lib/gate.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct gate held, gate;

static void *hold(void *unused)
{
    OK(pthread_mutex_lock(&mutex));
    gate_open(&held);
    gate_wait(&gate);
    OK(pthread_mutex_unlock(&mutex));
    return unused;
}

static void try_clock(const char *name, clockid_t clock)
{
    struct timespec limit = time_in(clock, 60);
    int error = pthread_mutex_clocklock(&mutex, clock, &limit);
    show(name, error);
    EXPECT(error != ETIMEDOUT || reached(clock, limit));
}

int main(void)
{
    held = gate_make();
    gate = gate_make();
    pthread_t thread = start_thread(hold, NULL);
    gate_wait(&held);
    try_clock("CLOCK_MONOTONIC", CLOCK_MONOTONIC);
    try_clock("CLOCK_REALTIME", CLOCK_REALTIME);
    try_clock("CLOCK_PROCESS_CPUTIME_ID", CLOCK_PROCESS_CPUTIME_ID);
    struct timespec bad = { 1, 1000000000 };
    show("bad time", pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &bad));

    gate_open(&gate);
    struct timespec limit = time_in(CLOCK_MONOTONIC, 20000);
    show("unlocked in time", pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &limit));
    OK(pthread_mutex_unlock(&mutex));
    join_thread(thread);
    return 0;
}
