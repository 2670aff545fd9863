/* A thread that ends with a robust mutex leaves it to the next, who is told
 * EOWNERDEAD: however the thread ends, and whether the next one waits already
 * or comes later; pthread_mutex_consistent mends it:
 * pthread_mutex_consistent(3), pthread_mutexattr_setrobust(3).
 *
 * test: timeout=20
 */
#include "lib/pshared.h"

static const struct kind {
    const char *name;
    int type, properties;
} kinds[] = {
    { "normal", PTHREAD_MUTEX_NORMAL, ROBUST },
    { "errorcheck", PTHREAD_MUTEX_ERRORCHECK, ROBUST },
    { "inheriting", PTHREAD_MUTEX_NORMAL, ROBUST | INHERIT },
    { "process-shared", PTHREAD_MUTEX_NORMAL, ROBUST | SHARED },
};

static pthread_mutex_t mutex, second, third;
static int held[2], go[2], trying[2];

/* ---- how the owner ends ------------------------------------------------ */

static void wait_for_go(void)
{
    give(held[1], 'h');
    CHECK(take(go[0]) == 'g');
}

static void *by_return(void *unused)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    wait_for_go();
    return unused;
}

static void *by_exit(void *unused)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    wait_for_go();
    pthread_exit(unused);
}

/* Never gets its token: it is cancelled in the read. */
static void *by_cancellation(void *unused)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    give(held[1], 'h');
    for (;;)
        pause();
    return unused;
}

static const struct ending {
    const char *name;
    thread_body *body;
} endings[] = {
    { "return", by_return },
    { "pthread_exit", by_exit },
    { "cancellation", by_cancellation },
};

static pthread_t start_owner(const struct ending *ending)
{
    pthread_t owner = start(ending->body, NULL);
    CHECK(take(held[0]) == 'h');
    return owner;
}

static void end_owner(const struct ending *ending, pthread_t owner)
{
    if (ending->body == by_cancellation)
        CHECK(pthread_cancel(owner) == 0);
    else
        give(go[1], 'g');
    join(owner);
}

/* ---- how the next one locks -------------------------------------------- */

static int by_lock(void) { return pthread_mutex_lock(&mutex); }
static int by_trylock(void) { return pthread_mutex_trylock(&mutex); }

static int by_timedlock(void)
{
    struct timespec limit = in_an_hour();
    return pthread_mutex_timedlock(&mutex, &limit);
}

static int by_clocklock(void)
{
    struct timespec limit = in_an_hour(); /* later still on this clock */
    return pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &limit);
}

static const struct way {
    const char *name;
    int (*lock)(void);
} ways[] = {
    { "lock", by_lock },
    { "timedlock", by_timedlock },
    { "clocklock", by_clocklock },
    { "trylock", by_trylock }, /* the last: it does not wait */
};

/* Unlocked before it is consistent, the mutex would be lost for good. */
static void *take_over(void *argument)
{
    const struct way *way = argument;
    give(trying[1], 't');
    int error = way->lock();
    printf(" %s %s", way->name, errno_name(error));
    CHECK(error == EOWNERDEAD);
    CHECK(pthread_mutex_consistent(&mutex) == 0);
    CHECK(pthread_mutex_consistent(&mutex) == EINVAL);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    CHECK(pthread_mutex_lock(&mutex) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return NULL;
}

static void show(const struct ending *ending)
{
    printf("  %s, who waits:", ending->name);
    for (size_t i = 0; i < COUNT(ways) - 1; i++) {
        pthread_t owner = start_owner(ending);
        pthread_t next = start(take_over, (void *)&ways[i]);
        CHECK(take(trying[0]) == 't');
        others_run();
        end_owner(ending, owner);
        join(next);
    }
    printf("\n  %s, who comes later:", ending->name);
    for (size_t i = 0; i < COUNT(ways); i++) {
        pthread_t owner = start_owner(ending);
        CHECK(pthread_mutex_trylock(&mutex) == EBUSY);
        end_owner(ending, owner);
        join(start(take_over, (void *)&ways[i]));
        CHECK(take(trying[0]) == 't');
    }
    puts("");
}

/* ---- several at once --------------------------------------------------- */

static void *hold_two_of_three(void *unused)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    CHECK(pthread_mutex_lock(&second) == 0);
    CHECK(pthread_mutex_lock(&third) == 0);
    CHECK(pthread_mutex_unlock(&second) == 0);
    wait_for_go();
    return unused;
}

static void *lock_third(void *unused)
{
    (void)unused;
    int error = pthread_mutex_lock(&third);
    CHECK(error == EOWNERDEAD && pthread_mutex_consistent(&third) == 0);
    CHECK(pthread_mutex_unlock(&third) == 0);
    return (void *)errno_name(error);
}

static void several(int properties)
{
    make_mutex(&second, PTHREAD_MUTEX_NORMAL, properties);
    make_mutex(&third, PTHREAD_MUTEX_NORMAL, properties);
    pthread_t owner = start(hold_two_of_three, NULL), waiter;
    CHECK(take(held[0]) == 'h');
    waiter = start(lock_third, NULL);
    others_run();
    give(go[1], 'g');
    join(owner);
    int first = pthread_mutex_lock(&mutex), middle = pthread_mutex_lock(&second);
    printf("  two of three: %s, %s, %s\n", errno_name(first), errno_name(middle),
           (char *)join(waiter));
    CHECK(first == EOWNERDEAD && pthread_mutex_consistent(&mutex) == 0 && middle == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0 && pthread_mutex_unlock(&second) == 0);
    CHECK(pthread_mutex_destroy(&second) == 0 && pthread_mutex_destroy(&third) == 0);
}

/* The main thread ends like any other, and leaves its mutex. */
static void *outlive_main(void *unused)
{
    int error = pthread_mutex_lock(&mutex);
    printf("the main thread's: %s\n", errno_name(error));
    CHECK(error == EOWNERDEAD);
    return unused;
}

int main(void)
{
    CHECK(pipe(held) == 0 && pipe(go) == 0 && pipe(trying) == 0);
    for (size_t i = 0; i < COUNT(kinds); i++) {
        puts(kinds[i].name);
        make_mutex(&mutex, kinds[i].type, kinds[i].properties);
        for (size_t j = 0; j < COUNT(endings); j++)
            show(&endings[j]);
        several(kinds[i].properties);
        CHECK(pthread_mutex_destroy(&mutex) == 0);
    }
    make_mutex(&mutex, PTHREAD_MUTEX_NORMAL, ROBUST);
    CHECK(pthread_mutex_lock(&mutex) == 0);
    pthread_t last = start(outlive_main, NULL);
    others_run();
    CHECK(pthread_detach(last) == 0);
    pthread_exit(NULL);
}
