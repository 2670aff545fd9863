/* A condition wait takes its robust mutex again at the end: if the owner has
 * died meanwhile it returns EOWNERDEAD, woken or timed out, and holds the
 * mutex; if the mutex is lost it says so: pthread_cond_wait(3posix),
 * pthread_mutex_consistent(3).
 *
 * test: timeout=20
 */
#include "lib/pshared.h"

enum { THREADS = 4, ROUNDS = 100 };

static pthread_mutex_t mutex;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_cond_t turn = PTHREAD_COND_INITIALIZER;
static int flag, moves;
static int waiting[2];

static int by_wait(void) { return pthread_cond_wait(&condition, &mutex); }

static int by_timedwait(void)
{
    struct timespec limit = in_an_hour();
    return pthread_cond_timedwait(&condition, &mutex, &limit);
}

static int by_clockwait(void)
{
    struct timespec limit = in_an_hour(); /* later still on this clock */
    return pthread_cond_clockwait(&condition, &mutex, CLOCK_MONOTONIC, &limit);
}

static const struct way {
    const char *name;
    int (*wait)(void);
} ways[] = {
    { "pthread_cond_wait", by_wait },
    { "pthread_cond_timedwait", by_timedwait },
    { "pthread_cond_clockwait", by_clockwait },
};

/* Gets the mutex only when the waiter waits. */
static void *signal_and_end(void *unused)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    flag = 1;
    CHECK(pthread_cond_signal(&condition) == 0);
    others_run();
    return unused;
}

static void *lock_and_end(void *unused)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    give(waiting[1], 'l');
    return unused;
}

static void woken(const struct way *way)
{
    int error = 0;
    CHECK(pthread_mutex_lock(&mutex) == 0);
    flag = 0;
    pthread_t owner = start(signal_and_end, NULL);
    while (!flag && error == 0)
        error = way->wait();
    printf("  %s: %s, consistent %s\n", way->name, errno_name(error),
           errno_name(pthread_mutex_consistent(&mutex)));
    CHECK(error == EOWNERDEAD);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    join(owner);
}

/* The owner comes during one of the waits, and nobody signals. */
static void timed_out(void)
{
    int error;
    CHECK(pthread_mutex_lock(&mutex) == 0);
    pthread_t owner = start(lock_and_end, NULL);
    do {
        struct timespec limit = in_20_ms();
        error = pthread_cond_timedwait(&condition, &mutex, &limit);
    } while (error == ETIMEDOUT || error == 0);
    join(owner);
    CHECK(take(waiting[0]) == 'l');
    printf("  20 ms: %s, not ETIMEDOUT\n", errno_name(error));
    CHECK(error == EOWNERDEAD && pthread_mutex_consistent(&mutex) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
}

static void *wait_and_spoil(void *unused)
{
    (void)unused;
    int error = 0;
    CHECK(pthread_mutex_lock(&mutex) == 0);
    give(waiting[1], 'w');
    while (!flag && error == 0)
        error = by_wait();
    if (error == EOWNERDEAD || error == 0)
        CHECK(pthread_mutex_unlock(&mutex) == 0);
    return (void *)errno_name(error);
}

/* Both are woken; one is the heir and unlocks the mutex as it is. */
static void lost(void)
{
    flag = 0;
    pthread_t first = start(wait_and_spoil, NULL), second = start(wait_and_spoil, NULL);
    CHECK(take(waiting[0]) == 'w' && take(waiting[0]) == 'w');
    join(start(signal_and_end, NULL));
    CHECK(pthread_cond_broadcast(&condition) == 0);
    const char *results[2] = { join(first), join(second) };
    int heir = strcmp(results[0], "EOWNERDEAD") == 0 ? 0 : 1;
    printf("  the heir unlocks: %s, then %s\n", results[heir], results[!heir]);
    CHECK(pthread_mutex_destroy(&mutex) == 0);
}

static void *move_round(void *argument)
{
    int me = *(int *)argument;
    CHECK(pthread_mutex_lock(&mutex) == 0);
    while (moves < THREADS * ROUNDS) {
        if (moves % THREADS == me) {
            moves++;
            CHECK(pthread_cond_broadcast(&turn) == 0);
        } else {
            CHECK(pthread_cond_wait(&turn, &mutex) == 0);
        }
    }
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return NULL;
}

static void turns(void)
{
    pthread_t threads[THREADS];
    int numbers[THREADS];
    moves = 0;
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        threads[i] = start(move_round, &numbers[i]);
    }
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    printf("  %d turns of %d threads\n", moves, THREADS);
}

static void show(const char *name, int type, int properties)
{
    puts(name);
    make_mutex(&mutex, type, properties);
    turns();
    for (size_t i = 0; i < COUNT(ways); i++)
        woken(&ways[i]);
    timed_out();
    lost();
}

int main(void)
{
    CHECK(pipe(waiting) == 0);
    show("normal", PTHREAD_MUTEX_NORMAL, ROBUST);
    show("errorcheck", PTHREAD_MUTEX_ERRORCHECK, ROBUST);
    show("recursive", PTHREAD_MUTEX_RECURSIVE, ROBUST);
    show("inheriting", PTHREAD_MUTEX_NORMAL, ROBUST | INHERIT);
    return 0;
}
