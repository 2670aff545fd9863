/* Waiting for a lock or at a barrier is no cancellation point: a request does
 * not interrupt it and acts at the next point: pthreads(7),
 * pthread_mutex_lock(3).
 */
#include "lib/cancel_places.h"

static pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;

static const struct place places[] = {
    { "pthread_mutex_lock", hold_plain, lock_plain, unlock_plain },
    { "pthread_mutex_timedlock", hold_plain, timedlock, unlock_plain },
    { "pthread_rwlock_rdlock", hold_rwlock, rdlock, unlock_rwlock },
    { "pthread_rwlock_wrlock", hold_rwlock, wrlock, unlock_rwlock },
    { "pthread_barrier_wait", hold_nothing, meet, meet },
};

int main(void)
{
    CHECK(sem_init(&about_to_wait, 0, 0) == 0);
    CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
    cancel_at_places(places, COUNT(places));
    return 0;
}
