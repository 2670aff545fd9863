/* The waits for locks that cancel_mutex_no_point leaves out are no cancellation
 * points either: with time limits, on other clocks, for spin locks, C11 mutexes,
 * robust and inheriting ones, and for a FILE. A time limit still ends
 * them, and the request acts afterwards: pthreads(7), flockfile(3).
 */
#include "lib/check.h"
#include "lib/deadline.h"
#include "lib/mutexes.h"
#include <semaphore.h>
#include <threads.h>

enum { SHORT_MS = 100 };

static sem_t about_to_wait;
static pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER, robust, inheriting;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spin;
static mtx_t c11;
static FILE *stream;
static const struct timespec never = { LONG_MAX, 0 };
static int result, passed;

static int clocklock(void) { return pthread_mutex_clocklock(&plain, CLOCK_MONOTONIC, &never); }
static int robust_lock(void) { return pthread_mutex_lock(&robust); }
static int inheriting_lock(void) { return pthread_mutex_lock(&inheriting); }
static int timedrdlock(void) { return pthread_rwlock_timedrdlock(&rwlock, &never); }
static int clockwrlock(void) { return pthread_rwlock_clockwrlock(&rwlock, CLOCK_MONOTONIC, &never); }
static int spin_lock(void) { return pthread_spin_lock(&spin); }
static int c11_lock(void) { return mtx_lock(&c11); }
static int c11_timedlock(void) { return mtx_timedlock(&c11, &never); }
static int file_lock(void) { flockfile(stream); return 0; }

static int timedlock_shortly(void)
{
    struct timespec limit = time_in(CLOCK_REALTIME, SHORT_MS);
    return pthread_mutex_timedlock(&plain, &limit);
}

static int wrlock_shortly(void)
{
    struct timespec limit = time_in(CLOCK_MONOTONIC, SHORT_MS);
    return pthread_rwlock_clockwrlock(&rwlock, CLOCK_MONOTONIC, &limit);
}

static int plain_unlock(void) { return pthread_mutex_unlock(&plain); }
static int robust_unlock(void) { return pthread_mutex_unlock(&robust); }
static int inheriting_unlock(void) { return pthread_mutex_unlock(&inheriting); }
static int rw_unlock(void) { return pthread_rwlock_unlock(&rwlock); }
static int spin_unlock(void) { return pthread_spin_unlock(&spin); }
static int c11_unlock(void) { return mtx_unlock(&c11); }
static int file_unlock(void) { funlockfile(stream); return 0; }

static const struct place {
    const char *name;
    int (*lock)(void), (*unlock)(void);
} places[] = {
    { "pthread_mutex_clocklock", clocklock, plain_unlock },
    { "pthread_mutex_timedlock, shortly", timedlock_shortly, plain_unlock },
    { "pthread_mutex_lock, robust", robust_lock, robust_unlock },
    { "pthread_mutex_lock, inheriting", inheriting_lock, inheriting_unlock },
    { "pthread_rwlock_timedrdlock", timedrdlock, rw_unlock },
    { "pthread_rwlock_clockwrlock", clockwrlock, rw_unlock },
    { "pthread_rwlock_clockwrlock, shortly", wrlock_shortly, rw_unlock },
    { "pthread_spin_lock", spin_lock, spin_unlock },
    { "mtx_lock", c11_lock, c11_unlock },
    { "mtx_timedlock", c11_timedlock, c11_unlock },
    { "flockfile", file_lock, file_unlock },
};

static void hold(const struct place *place)
{
    if (place->unlock == rw_unlock)
        CHECK(pthread_rwlock_wrlock(&rwlock) == 0);
    else
        CHECK(place->lock() == 0);
}

static void *wait_and_test(void *argument)
{
    const struct place *place = argument;
    CHECK(sem_post(&about_to_wait) == 0);
    result = place->lock();
    if (result == 0)
        CHECK(place->unlock() == 0);
    __atomic_store_n(&passed, 1, __ATOMIC_SEQ_CST);
    pthread_testcancel();
    CHECK(!"cancelled");
    return NULL;
}

int main(void)
{
    CHECK(sem_init(&about_to_wait, 0, 0) == 0 && (stream = fopen("/dev/null", "w")));
    CHECK(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE) == 0);
    CHECK(mtx_init(&c11, mtx_timed) == thrd_success);
    make_mutex(&robust, PTHREAD_MUTEX_DEFAULT, ROBUST);
    make_mutex(&inheriting, PTHREAD_MUTEX_DEFAULT, INHERIT);
    for (size_t i = 0; i < COUNT(places); i++) {
        passed = 0;
        hold(&places[i]);
        pthread_t thread = start(wait_and_test, (void *)&places[i]);
        CHECK(sem_wait(&about_to_wait) == 0);
        if (!strstr(places[i].name, "shortly")) {
            others_run();
            CHECK(pthread_cancel(thread) == 0);
            others_run();
            CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY);
            CHECK(__atomic_load_n(&passed, __ATOMIC_SEQ_CST) == 0);
            CHECK(places[i].unlock() == 0);
            CHECK(join(thread) == PTHREAD_CANCELED);
        } else {
            CHECK(pthread_cancel(thread) == 0);
            CHECK(join(thread) == PTHREAD_CANCELED);
            CHECK(places[i].unlock() == 0);
        }
        CHECK(passed == 1);
        printf("%s: %s, then cancelled\n", places[i].name, errno_name(result));
    }
    return 0;
}
