/*
 * cond_timedwait: ETIMEDOUT no sooner than asked, on the clock of the
 * condition's attribute, with the mutex locked again; EINVAL for a bad time;
 * a signal in time gives 0.
 * Follows pthread_cond_timedwait(3posix), pthread_condattr_setclock(3posix).
 */
#include "lib/expect.h"
#include "lib/mutexes.h"

static pthread_mutex_t mutex;
static pthread_cond_t condition;
static int ready;

static void *make_ready(void *unused)
{
    OK(pthread_mutex_lock(&mutex));
    ready = 1;
    OK(pthread_cond_signal(&condition));
    OK(pthread_mutex_unlock(&mutex));
    return unused;
}

/* Nobody signals.  A wake-up without a signal would be allowed: wait on. */
static int wait_until(struct timespec limit)
{
    int error;
    while ((error = pthread_cond_timedwait(&condition, &mutex, &limit)) == 0)
        continue;
    return error;
}

static void try_clock(const char *name, clockid_t clock)
{
    pthread_condattr_t attributes;
    OK(pthread_condattr_init(&attributes));
    OK(pthread_condattr_setclock(&attributes, clock));
    OK(pthread_cond_init(&condition, &attributes));
    OK(pthread_condattr_destroy(&attributes));
    printf("%s\n", name);

    OK(pthread_mutex_lock(&mutex));
    struct timespec past = { 1, 0 };
    show("  past", wait_until(past));
    struct timespec limit = time_in(clock, 60);
    show("  60 ms", wait_until(limit));
    EXPECT(reached(clock, limit));
    limit.tv_nsec = 1000000000;
    show("  tv_nsec 1000000000", wait_until(limit));
    limit.tv_nsec = -1;
    show("  tv_nsec -1", wait_until(limit));
    show("  mutex still ours: lock", pthread_mutex_lock(&mutex));

    ready = 0;
    pthread_t thread = start_thread(make_ready, NULL);
    limit = time_in(clock, 20000);
    int error = 0;
    while (!ready && !error)
        error = pthread_cond_timedwait(&condition, &mutex, &limit);
    show("  signalled in time", error);
    OK(pthread_mutex_unlock(&mutex));
    join_thread(thread);
    OK(pthread_cond_destroy(&condition));
}

int main(void)
{
    make_mutex(&mutex, PTHREAD_MUTEX_ERRORCHECK, 0);
    try_clock("CLOCK_REALTIME", CLOCK_REALTIME);
    try_clock("CLOCK_MONOTONIC", CLOCK_MONOTONIC);
    pthread_condattr_t attributes;
    OK(pthread_condattr_init(&attributes));
    show("clock that does not serve",
         pthread_condattr_setclock(&attributes, CLOCK_PROCESS_CPUTIME_ID));
    return 0;
}
