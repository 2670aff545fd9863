/*
 * mutex_timedlock: waits no shorter than asked and gives ETIMEDOUT; EINVAL for
 * a bad time, but only where it would have to wait; succeeds when the holder
 * unlocks in time.
 * Follows pthread_mutex_timedlock(3posix).
 */
#include "lib/expect.h"
#include "lib/mutex_holder.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct mutex_holder holder;

static int lock_until(struct timespec limit)
{
    return pthread_mutex_timedlock(&mutex, &limit);
}

int main(void)
{
    struct timespec past = { 1, 0 };
    struct timespec negative = time_in(CLOCK_REALTIME, 0), large = negative;
    negative.tv_nsec = -1;
    large.tv_nsec = 1000000000;

    show("free, past", lock_until(past));
    OK(pthread_mutex_unlock(&mutex));
    show("free, bad time", lock_until(large));
    OK(pthread_mutex_unlock(&mutex));

    start_holder(&holder, &mutex);
    show("held, past", lock_until(past));
    show("held, tv_nsec -1", lock_until(negative));
    show("held, tv_nsec 1000000000", lock_until(large));
    struct timespec limit = time_in(CLOCK_REALTIME, 100);
    show("held, 100 ms", lock_until(limit));
    EXPECT(reached(CLOCK_REALTIME, limit));

    let_go(&holder);
    show("unlocked in time", lock_until(time_in(CLOCK_REALTIME, 20000)));
    OK(pthread_mutex_unlock(&mutex));
    join_holder(&holder);
    return 0;
}
