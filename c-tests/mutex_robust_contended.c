/* Threads contend for private robust mutexes of every type, and wait in other
 * calls while they hold one: it excludes them; who tries or waits with a limit
 * is told the same as with any other mutex: pthread_mutexattr_setrobust(3),
 * pthread_mutex_timedlock(3posix).
 *
 * test: timeout=20
 */
#include "lib/crowd.h"
#include "lib/mutex_holder.h"
#include "lib/pshared.h"

static const struct kind {
    const char *name;
    int type, properties;
} kinds[] = {
    { "normal", PTHREAD_MUTEX_NORMAL, ROBUST },
    { "errorcheck", PTHREAD_MUTEX_ERRORCHECK, ROBUST },
    { "recursive", PTHREAD_MUTEX_RECURSIVE, ROBUST },
    { "normal, inheriting", PTHREAD_MUTEX_NORMAL, ROBUST | INHERIT },
    { "errorcheck, inheriting", PTHREAD_MUTEX_ERRORCHECK, ROBUST | INHERIT },
    { "recursive, inheriting", PTHREAD_MUTEX_RECURSIVE, ROBUST | INHERIT },
};

static pthread_mutex_t mutex;
static int there[2], back[2];

static void *echo(void *unused)
{
    for (char token; (token = take(there[0])) != 'q';)
        give(back[1], token);
    return unused;
}

/* The mutex is held, so no two threads mix up their answers. */
static void park(int round)
{
    int way = round % 7;
    struct timespec nothing = { 0, 0 };
    if (way == 0) {
        sched_yield();
    } else if (way == 1) {
        CHECK(nanosleep(&nothing, NULL) == 0);
    } else if (way == 2) {
        give(there[1], 'x');
        CHECK(take(back[0]) == 'x');
    }
}

static void count_together(void)
{
    struct crowd crowd = { .mutex = &mutex, .park = park, .threads = 5, .rounds = 200 };
    pthread_t answerer = start(echo, NULL);
    crowd_run(&crowd, crowd_count);
    give(there[1], 'q');
    join(answerer);
    printf("  %d threads counted to %d\n", crowd.threads, crowd.counter);
}

static void held_by_another(void)
{
    struct timespec past = { 1, 0 }, large = in_an_hour(), negative = large;
    large.tv_nsec = 1000000000;
    negative.tv_nsec = -1;
    struct mutex_holder holder;
    start_holder(&holder, &mutex);
    printf("  held: trylock %s, unlock %s, consistent %s\n",
           errno_name(pthread_mutex_trylock(&mutex)),
           errno_name(pthread_mutex_unlock(&mutex)),
           errno_name(pthread_mutex_consistent(&mutex)));
    struct timespec soon = in_20_ms(), soon_too = time_in(CLOCK_MONOTONIC, 20);
    printf("  held: 20 ms %s, on the other clock %s, past %s\n",
           errno_name(pthread_mutex_timedlock(&mutex, &soon)),
           errno_name(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &soon_too)),
           errno_name(pthread_mutex_timedlock(&mutex, &past)));
    printf("  held: bad times %s and %s, bad clock %s\n",
           errno_name(pthread_mutex_timedlock(&mutex, &large)),
           errno_name(pthread_mutex_timedlock(&mutex, &negative)),
           errno_name(pthread_mutex_clocklock(&mutex, CLOCK_PROCESS_CPUTIME_ID, &soon)));
    pthread_t waiter = start(lock_and_unlock, &mutex), timed = start(timedlock_and_unlock, &mutex);
    others_run();
    let_go(&holder);
    join_holder(&holder), join(waiter), join(timed);
    puts("  held: others run, and two have it when it is free");
}

static void *try_once(void *unused)
{
    (void)unused;
    int error = pthread_mutex_trylock(&mutex);
    if (error == 0)
        CHECK(pthread_mutex_unlock(&mutex) == 0);
    return (void *)errno_name(error);
}

/* The normal type would wait for itself: asked with a limit only. */
static void held_by_me(int type)
{
    struct timespec soon = in_20_ms();
    CHECK(pthread_mutex_lock(&mutex) == 0);
    int error = pthread_mutex_timedlock(&mutex, &soon), tried = pthread_mutex_trylock(&mutex);
    int depth = 1 + (error == 0) + (tried == 0);
    printf("  mine: with a limit %s, trylock %s", errno_name(error), errno_name(tried));
    if (type != PTHREAD_MUTEX_NORMAL) {
        error = pthread_mutex_lock(&mutex);
        depth += error == 0;
        printf(", lock %s", errno_name(error));
    }
    puts("");
    for (; depth > 0; depth--) {
        printf("  depth %d: another's trylock %s\n", depth, (char *)join(start(try_once, NULL)));
        CHECK(pthread_mutex_unlock(&mutex) == 0);
    }
    printf("  free: another's trylock %s, my unlock %s\n", (char *)join(start(try_once, NULL)),
           errno_name(pthread_mutex_unlock(&mutex)));
}

/* The first of all threads comes when the main thread has it already. */
static void locked_before_threads(void)
{
    make_mutex(&mutex, PTHREAD_MUTEX_NORMAL, ROBUST);
    CHECK(pthread_mutex_lock(&mutex) == 0);
    pthread_t waiter = start(lock_and_unlock, &mutex);
    printf("locked before there were threads: trylock %s\n", (char *)join(start(try_once, NULL)));
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    join(waiter);
    CHECK(pthread_mutex_destroy(&mutex) == 0);
}

int main(void)
{
    CHECK(pipe(there) == 0 && pipe(back) == 0);
    locked_before_threads();
    for (size_t i = 0; i < COUNT(kinds); i++) {
        puts(kinds[i].name);
        make_mutex(&mutex, kinds[i].type, kinds[i].properties);
        count_together();
        held_by_another();
        held_by_me(kinds[i].type);
        CHECK(pthread_mutex_destroy(&mutex) == 0);
    }
    return 0;
}
