/* Who holds the lock for writing is told EDEADLK by whatever call would wait,
 * and EBUSY by those that only try; wrong times and clocks are EINVAL, also
 * where the lock is free; a time gone by is a try:
 * pthread_rwlock_wrlock(3posix), pthread_rwlock_timedrdlock(3posix).
 */
#include "lib/check.h"

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static const struct timespec past = { 1, 0 }, before_1970 = { -1, 0 };
static const struct timespec later = { LONG_MAX, 0 };
static const struct timespec too_long = { LONG_MAX, 1000000000 }, negative = { 1, -1 };

static int rdlock(const struct timespec *unused) { (void)unused; return pthread_rwlock_rdlock(&lock); }
static int wrlock(const struct timespec *unused) { (void)unused; return pthread_rwlock_wrlock(&lock); }
static int tryrdlock(const struct timespec *unused) { (void)unused; return pthread_rwlock_tryrdlock(&lock); }
static int trywrlock(const struct timespec *unused) { (void)unused; return pthread_rwlock_trywrlock(&lock); }
static int timedrdlock(const struct timespec *at) { return pthread_rwlock_timedrdlock(&lock, at); }
static int timedwrlock(const struct timespec *at) { return pthread_rwlock_timedwrlock(&lock, at); }

static int clockrdlock(const struct timespec *at)
{
    return pthread_rwlock_clockrdlock(&lock, CLOCK_MONOTONIC, at);
}

static int clockwrlock(const struct timespec *at)
{
    return pthread_rwlock_clockwrlock(&lock, CLOCK_MONOTONIC, at);
}

static const struct way {
    const char *name;
    int (*lock)(const struct timespec *);
    int timed;
} ways[] = {
    { "rdlock", rdlock, 0 },           { "wrlock", wrlock, 0 },
    { "tryrdlock", tryrdlock, 0 },     { "trywrlock", trywrlock, 0 },
    { "timedrdlock", timedrdlock, 1 }, { "timedwrlock", timedwrlock, 1 },
    { "clockrdlock", clockrdlock, 1 }, { "clockwrlock", clockwrlock, 1 },
};

/* A lock that was got is given back. */
static const char *outcome(const struct way *way, const struct timespec *at)
{
    int error = way->lock(at);
    if (error == 0)
        CHECK(pthread_rwlock_unlock(&lock) == 0);
    return errno_name(error);
}

static void try_times(const char *state)
{
    for (size_t i = 0; i < COUNT(ways); i++)
        if (ways[i].timed) {
            printf("%s, %s: past %s, before 1970 %s", state, ways[i].name,
                   outcome(&ways[i], &past), outcome(&ways[i], &before_1970));
            printf(", too many nanoseconds %s, negative %s\n", outcome(&ways[i], &too_long),
                   outcome(&ways[i], &negative));
        }
    printf("%s, clocks not to wait by: %s %s\n", state,
           errno_name(pthread_rwlock_clockrdlock(&lock, CLOCK_PROCESS_CPUTIME_ID, &later)),
           errno_name(pthread_rwlock_clockwrlock(&lock, -1, &later)));
}

static void *try_from_outside(void *state)
{
    try_times(state);
    return NULL;
}

static void *be_writer(void *unused)
{
    CHECK(pthread_rwlock_wrlock(&lock) == 0);
    for (size_t i = 0; i < COUNT(ways); i++)
        printf("its writer, %s: %s\n", ways[i].name, outcome(&ways[i], &later));
    printf("its writer, past: %s\n", errno_name(pthread_rwlock_timedwrlock(&lock, &past)));
    printf("its writer, wrong: %s\n", errno_name(pthread_rwlock_timedrdlock(&lock, &too_long)));
    join(start(try_from_outside, "held by a writer"));
    CHECK(pthread_rwlock_unlock(&lock) == 0);
    return unused;
}

/* Read locks are counted: only the last unlock lets a writer in. */
static void *be_reader(void *unused)
{
    for (int i = 0; i < 1000; i++)
        CHECK(pthread_rwlock_rdlock(&lock) == 0);
    CHECK(pthread_rwlock_trywrlock(&lock) == EBUSY);
    join(start(try_from_outside, "held by a reader"));
    for (int i = 0; i < 999; i++)
        CHECK(pthread_rwlock_unlock(&lock) == 0);
    CHECK(pthread_rwlock_trywrlock(&lock) == EBUSY);
    CHECK(pthread_rwlock_unlock(&lock) == 0);
    return unused;
}

int main(void)
{
    join(start(try_from_outside, "free"));
    join(start(be_writer, NULL));
    join(start(be_reader, NULL));
    CHECK(pthread_rwlock_trywrlock(&lock) == 0 && pthread_rwlock_unlock(&lock) == 0);
    puts("free again");
    return 0;
}
