/* Waiting for a lock or at a barrier is no cancellation point: a request does
 * not interrupt it and acts at the next point: pthreads(7),
 * pthread_mutex_lock(3).
 */
#include "lib/check.h"
#include <semaphore.h>

static sem_t about_to_wait;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static int passed;

static struct timespec in_an_hour(void)
{
    struct timespec time;
    CHECK(clock_gettime(CLOCK_REALTIME, &time) == 0);
    time.tv_sec += 3600;
    return time;
}

static void unlock_mutex(void) { CHECK(pthread_mutex_unlock(&mutex) == 0); }
static void unlock_rwlock(void) { CHECK(pthread_rwlock_unlock(&rwlock) == 0); }

static void hold_mutex(void) { CHECK(pthread_mutex_trylock(&mutex) == 0); }
static void hold_rwlock(void) { CHECK(pthread_rwlock_trywrlock(&rwlock) == 0); }
static void hold_nothing(void) { }

static void lock(void)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    unlock_mutex();
}

static void timedlock(void)
{
    struct timespec limit = in_an_hour();
    CHECK(pthread_mutex_timedlock(&mutex, &limit) == 0);
    unlock_mutex();
}

static void rdlock(void)
{
    CHECK(pthread_rwlock_rdlock(&rwlock) == 0);
    unlock_rwlock();
}

static void wrlock(void)
{
    CHECK(pthread_rwlock_wrlock(&rwlock) == 0);
    unlock_rwlock();
}

static void meet(void) { pthread_barrier_wait(&barrier); }

static const struct place {
    const char *name;
    void (*hold)(void);
    void (*wait)(void);
    void (*release)(void);
} places[] = {
    { "pthread_mutex_lock", hold_mutex, lock, unlock_mutex },
    { "pthread_mutex_timedlock", hold_mutex, timedlock, unlock_mutex },
    { "pthread_rwlock_rdlock", hold_rwlock, rdlock, unlock_rwlock },
    { "pthread_rwlock_wrlock", hold_rwlock, wrlock, unlock_rwlock },
    { "pthread_barrier_wait", hold_nothing, meet, meet },
};

static void *wait_and_test(void *argument)
{
    const struct place *place = argument;
    CHECK(sem_post(&about_to_wait) == 0);
    place->wait();
    passed++;
    pthread_testcancel();
    CHECK(!"cancelled");
    return NULL;
}

int main(void)
{
    CHECK(sem_init(&about_to_wait, 0, 0) == 0);
    CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
    for (size_t i = 0; i < COUNT(places); i++) {
        places[i].hold();
        pthread_t thread = start(wait_and_test, (void *)&places[i]);
        CHECK(sem_wait(&about_to_wait) == 0);
        others_run();
        CHECK(pthread_cancel(thread) == 0);
        others_run();
        CHECK(passed == (int)i && pthread_tryjoin_np(thread, NULL) == EBUSY);
        places[i].release();
        CHECK(join(thread) == PTHREAD_CANCELED);
        CHECK(passed == (int)i + 1);
        printf("%s: waited on, then cancelled\n", places[i].name);
    }
    return 0;
}
