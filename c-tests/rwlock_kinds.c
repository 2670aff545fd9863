/* While a reader holds the lock and a writer waits, other readers, and the same
 * one again, get in; with PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP they
 * stand back, until the writer was in or gave up:
 * pthread_rwlockattr_setkind_np(3), pthread_rwlock_rdlock(3posix).
 */
#include "lib/check.h"
#include "lib/deadline.h"
#include <stdint.h>

enum { PATIENCE_MS = 200 };

static pthread_rwlock_t lock;
static pthread_rwlock_t from_macro = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static int turns, gave_up;

/* The order in which they got the lock, from 1. */
static intptr_t take_turn(pthread_rwlock_t *which)
{
    intptr_t turn = __atomic_add_fetch(&turns, 1, __ATOMIC_SEQ_CST);
    CHECK(pthread_rwlock_unlock(which) == 0);
    return turn;
}

static void *write_once(void *which)
{
    CHECK(pthread_rwlock_wrlock(which) == 0);
    return (void *)take_turn(which);
}

static void *read_once(void *which)
{
    CHECK(pthread_rwlock_rdlock(which) == 0);
    return (void *)take_turn(which);
}

static void *write_impatiently(void *which)
{
    struct timespec limit = time_in(CLOCK_MONOTONIC, PATIENCE_MS);
    intptr_t error = pthread_rwlock_clockwrlock(which, CLOCK_MONOTONIC, &limit);
    __atomic_store_n(&gave_up, 1, __ATOMIC_SEQ_CST);
    return (void *)error;
}

/* ---- readers first ------------------------------------------------------ */

/* That the writer waits already cannot be seen, and makes no difference. */
static void readers_first(const char *name, int kind)
{
    pthread_rwlockattr_t attributes;
    int kept;
    CHECK(pthread_rwlockattr_init(&attributes) == 0);
    CHECK(pthread_rwlockattr_setkind_np(&attributes, kind) == 0);
    CHECK(pthread_rwlockattr_getkind_np(&attributes, &kept) == 0 && kept == kind);
    CHECK(pthread_rwlock_init(&lock, &attributes) == 0);
    CHECK(pthread_rwlockattr_destroy(&attributes) == 0);

    turns = 0;
    struct timespec real = time_in(CLOCK_REALTIME, 60000);
    struct timespec monotonic = time_in(CLOCK_MONOTONIC, 60000);
    CHECK(pthread_rwlock_rdlock(&lock) == 0);
    pthread_t writer = start(write_once, &lock);
    others_run();
    CHECK(pthread_rwlock_tryrdlock(&lock) == 0);
    CHECK(pthread_rwlock_rdlock(&lock) == 0);
    CHECK(pthread_rwlock_timedrdlock(&lock, &real) == 0);
    CHECK(pthread_rwlock_clockrdlock(&lock, CLOCK_MONOTONIC, &monotonic) == 0);
    intptr_t reader = (intptr_t)join(start(read_once, &lock));
    for (int i = 0; i < 5; i++) {
        CHECK(pthread_tryjoin_np(writer, NULL) == EBUSY);
        CHECK(pthread_rwlock_trywrlock(&lock) == EBUSY);
        CHECK(pthread_rwlock_unlock(&lock) == 0);
    }
    printf("%s: locked five times over, another reader %d, the writer %d\n", name,
           (int)reader, (int)(intptr_t)join(writer));
    CHECK(pthread_rwlock_trywrlock(&lock) == 0 && pthread_rwlock_unlock(&lock) == 0);
    CHECK(pthread_rwlock_destroy(&lock) == 0);
}

/* ---- writers first ------------------------------------------------------ */

/* A reader is sent away as soon as a writer waits; an impatient one may not any more. */
static void await_writer(pthread_rwlock_t *which)
{
    int error;
    while ((error = pthread_rwlock_tryrdlock(which)) == 0) {
        CHECK(pthread_rwlock_unlock(which) == 0);
        if (__atomic_load_n(&gave_up, __ATOMIC_SEQ_CST))
            return;
        sched_yield();
    }
    CHECK(error == EBUSY);
}

static void writers_first(const char *name, pthread_rwlock_t *which)
{
    turns = gave_up = 0;
    CHECK(pthread_rwlock_rdlock(which) == 0);
    pthread_t writer = start(write_once, which);
    await_writer(which);
    pthread_t reader = start(read_once, which);
    others_run();
    struct timespec real = time_in(CLOCK_REALTIME, 20);
    struct timespec monotonic = time_in(CLOCK_MONOTONIC, 20);
    CHECK(pthread_rwlock_tryrdlock(which) == EBUSY);
    CHECK(pthread_rwlock_trywrlock(which) == EBUSY);
    CHECK(pthread_rwlock_timedrdlock(which, &real) == ETIMEDOUT);
    CHECK(pthread_rwlock_clockrdlock(which, CLOCK_MONOTONIC, &monotonic) == ETIMEDOUT);
    CHECK(pthread_tryjoin_np(reader, NULL) == EBUSY);
    CHECK(pthread_tryjoin_np(writer, NULL) == EBUSY);
    CHECK(pthread_rwlock_unlock(which) == 0);
    printf("%s: the writer %d", name, (int)(intptr_t)join(writer));
    printf(", the reader %d\n", (int)(intptr_t)join(reader));

    /* The writer gives up while the first reader is still in. */
    turns = 0;
    CHECK(pthread_rwlock_rdlock(which) == 0);
    writer = start(write_impatiently, which);
    await_writer(which);
    reader = start(read_once, which);
    printf("%s: the writer %s", name, errno_name((int)(intptr_t)join(writer)));
    printf(", the reader %d\n", (int)(intptr_t)join(reader));
    CHECK(pthread_rwlock_tryrdlock(which) == 0 && pthread_rwlock_unlock(which) == 0);
    CHECK(pthread_rwlock_unlock(which) == 0);
    CHECK(pthread_rwlock_destroy(which) == 0);
}

int main(void)
{
    pthread_rwlockattr_t attributes;
    int kind;
    CHECK(pthread_rwlockattr_init(&attributes) == 0);
    CHECK(pthread_rwlockattr_getkind_np(&attributes, &kind) == 0);
    printf("default: %s\n", kind == PTHREAD_RWLOCK_PREFER_READER_NP ? "readers" : "others");
    printf("kind 3: %s\n", errno_name(pthread_rwlockattr_setkind_np(&attributes, 3)));
    printf("kind -1: %s\n", errno_name(pthread_rwlockattr_setkind_np(&attributes, -1)));
    CHECK(pthread_rwlockattr_setkind_np(&attributes,
                                        PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP) == 0);

    readers_first("PREFER_READER_NP", PTHREAD_RWLOCK_PREFER_READER_NP);
    /* Readers come first with this one, too: pthread_rwlockattr_setkind_np(3), BUGS. */
    readers_first("PREFER_WRITER_NP", PTHREAD_RWLOCK_PREFER_WRITER_NP);
    CHECK(pthread_rwlock_init(&lock, &attributes) == 0);
    writers_first("PREFER_WRITER_NONRECURSIVE_NP", &lock);
    writers_first("its initialiser", &from_macro);
    return 0;
}
