/*
 * mutex_errorcheck: relocking is EDEADLK, unlocking what another thread or
 * nobody owns is EPERM, and the mutex works all the same.
 * Follows pthread_mutexattr_settype(3), pthread_mutex_lock(3posix).
 */
#include "lib/expect.h"
#include "lib/mutexes.h"

static pthread_mutex_t mutex;

static void *intrude(void *unused)
{
    show("other thread: unlock", pthread_mutex_unlock(&mutex));
    show("other thread: trylock", pthread_mutex_trylock(&mutex));
    return unused;
}

static void *use(void *unused)
{
    show("other thread: lock", pthread_mutex_lock(&mutex));
    show("other thread: unlock", pthread_mutex_unlock(&mutex));
    return unused;
}

int main(void)
{
    make_mutex(&mutex, PTHREAD_MUTEX_ERRORCHECK, 0);
    show("unlock, not locked", pthread_mutex_unlock(&mutex));
    show("lock", pthread_mutex_lock(&mutex));
    show("lock again", pthread_mutex_lock(&mutex));
    show("trylock again", pthread_mutex_trylock(&mutex));
    struct timespec limit = time_in(CLOCK_REALTIME, 10000);
    show("timedlock again", pthread_mutex_timedlock(&mutex, &limit));
    join_thread(start_thread(intrude, NULL));
    show("unlock", pthread_mutex_unlock(&mutex));
    show("unlock again", pthread_mutex_unlock(&mutex));
    join_thread(start_thread(use, NULL));
    show("destroy", pthread_mutex_destroy(&mutex));
    return 0;
}
