/* The protocol and the ceiling of mutexes: what attributes and mutexes give
 * back, which values are refused, and that a thread of the ordinary policy
 * cannot have a priority-protected mutex, by whatever call:
 * pthread_mutexattr_setprotocol(3posix), pthread_mutex_getprioceiling(3posix).
 *
 * test: timeout=20
 */
#include "lib/pshared.h"

static void protocols(void)
{
    static const int protocols[] = { PTHREAD_PRIO_NONE, PTHREAD_PRIO_INHERIT, PTHREAD_PRIO_PROTECT };
    pthread_mutexattr_t attributes;
    int protocol;
    CHECK(pthread_mutexattr_init(&attributes) == 0);
    CHECK(pthread_mutexattr_getprotocol(&attributes, &protocol) == 0);
    printf("at first: none %s\n", protocol == PTHREAD_PRIO_NONE ? "yes" : "no");
    for (size_t i = 0; i < COUNT(protocols); i++) {
        int error = pthread_mutexattr_setprotocol(&attributes, protocols[i]);
        CHECK(pthread_mutexattr_getprotocol(&attributes, &protocol) == 0);
        printf("protocol %zu: %s, given back %s\n", i, errno_name(error),
               protocol == protocols[i] ? "yes" : "no");
        CHECK(error == 0 && protocol == protocols[i]);
    }
    int error = pthread_mutexattr_setprotocol(&attributes, 17);
    CHECK(pthread_mutexattr_getprotocol(&attributes, &protocol) == 0);
    printf("protocol 17: %s, the old one stays: %s\n", errno_name(error),
           protocol == PTHREAD_PRIO_PROTECT ? "yes" : "no");
    CHECK(pthread_mutexattr_destroy(&attributes) == 0);
}

static void attribute_ceilings(void)
{
    pthread_mutexattr_t attributes;
    int lowest = sched_get_priority_min(SCHED_FIFO), highest = sched_get_priority_max(SCHED_FIFO);
    const int ceilings[] = { lowest, 7, highest, highest + 1, -1 };
    CHECK(pthread_mutexattr_init(&attributes) == 0);
    for (size_t i = 0; i < COUNT(ceilings); i++) {
        int ceiling, error = pthread_mutexattr_setprioceiling(&attributes, ceilings[i]);
        CHECK(pthread_mutexattr_getprioceiling(&attributes, &ceiling) == 0);
        printf("attribute, ceiling %d: %s, then %d\n", ceilings[i], errno_name(error), ceiling);
    }
    CHECK(pthread_mutexattr_destroy(&attributes) == 0);
}

static void make_protected(pthread_mutex_t *mutex, int type, int properties, int ceiling)
{
    pthread_mutexattr_t attributes;
    CHECK(pthread_mutexattr_init(&attributes) == 0);
    CHECK(pthread_mutexattr_settype(&attributes, type) == 0);
    CHECK(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_PROTECT) == 0);
    CHECK(pthread_mutexattr_setprioceiling(&attributes, ceiling) == 0);
    if (properties & SHARED)
        CHECK(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0);
    if (properties & ROBUST)
        CHECK(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0);
    int error = pthread_mutex_init(mutex, &attributes);
    if (properties & ROBUST)
        printf("robust and protected: %s\n", errno_name(error));
    else
        CHECK(error == 0);
    CHECK(pthread_mutexattr_destroy(&attributes) == 0);
}

static int by_lock(pthread_mutex_t *mutex) { return pthread_mutex_lock(mutex); }
static int by_trylock(pthread_mutex_t *mutex) { return pthread_mutex_trylock(mutex); }

static int by_timedlock(pthread_mutex_t *mutex)
{
    struct timespec limit = in_20_ms();
    return pthread_mutex_timedlock(mutex, &limit);
}

static int by_clocklock(pthread_mutex_t *mutex)
{
    struct timespec limit = time_in(CLOCK_MONOTONIC, 20);
    return pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &limit);
}

static const struct way {
    const char *name;
    int (*lock)(pthread_mutex_t *);
} ways[] = {
    { "lock", by_lock },
    { "trylock", by_trylock },
    { "timedlock", by_timedlock },
    { "clocklock", by_clocklock },
};

struct attempt {
    pthread_mutex_t *mutex;
    const struct way *way;
};

static void *lock_once(void *argument)
{
    struct attempt *attempt = argument;
    int error = attempt->way->lock(attempt->mutex);
    printf(" %s %s", attempt->way->name, errno_name(error));
    CHECK(error == EINVAL);
    return NULL;
}

/* Each time by a new thread, for glibc 2.36 does not notice when it fails to
 * raise a thread to the same ceiling once more, and locks. */
static void lock_protected(pthread_mutex_t *mutex)
{
    printf(" ");
    for (size_t i = 0; i < COUNT(ways); i++) {
        struct attempt attempt = { mutex, &ways[i] };
        join(start(lock_once, &attempt));
    }
    puts("");
}

static void set_ceiling(pthread_mutex_t *mutex, int ceiling)
{
    int old = -1, now = -1, error = pthread_mutex_setprioceiling(mutex, ceiling, &old);
    CHECK(pthread_mutex_getprioceiling(mutex, &now) == 0);
    printf("  ceiling set to %d: %s, was %d, is %d\n", ceiling, errno_name(error), old, now);
}

static void show_protected(const char *name, int type, int properties)
{
    pthread_mutex_t mutex;
    puts(name);
    make_protected(&mutex, type, properties, 12);
    lock_protected(&mutex);
    set_ceiling(&mutex, 5);
    set_ceiling(&mutex, sched_get_priority_max(SCHED_FIFO) + 1);
    lock_protected(&mutex);
    if (type != PTHREAD_MUTEX_NORMAL)
        printf("  unlock, not mine: %s\n", errno_name(pthread_mutex_unlock(&mutex)));
    CHECK(pthread_mutex_destroy(&mutex) == 0);
}

static void ceiling_of_others(const char *name, int properties)
{
    pthread_mutex_t mutex;
    int ceiling;
    make_mutex(&mutex, PTHREAD_MUTEX_NORMAL, properties);
    int get = pthread_mutex_getprioceiling(&mutex, &ceiling);
    int set = pthread_mutex_setprioceiling(&mutex, 5, &ceiling);
    printf("%s: getprioceiling %s, setprioceiling %s\n", name, errno_name(get), errno_name(set));
    CHECK(pthread_mutex_lock(&mutex) == 0 && pthread_mutex_unlock(&mutex) == 0);
    CHECK(pthread_mutex_destroy(&mutex) == 0);
}

int main(void)
{
    pthread_mutex_t mutex;
    protocols();
    attribute_ceilings();
    show_protected("normal", PTHREAD_MUTEX_NORMAL, 0);
    show_protected("recursive", PTHREAD_MUTEX_RECURSIVE, 0);
    show_protected("errorcheck", PTHREAD_MUTEX_ERRORCHECK, 0);
    show_protected("process-shared", PTHREAD_MUTEX_NORMAL, SHARED);
    make_protected(&mutex, PTHREAD_MUTEX_NORMAL, ROBUST, 12);
    ceiling_of_others("an ordinary mutex", 0);
    ceiling_of_others("an inheriting mutex", INHERIT);
    ceiling_of_others("a robust mutex", ROBUST);
    return 0;
}
