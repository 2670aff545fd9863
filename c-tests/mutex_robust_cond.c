/* A condition wait takes its robust mutex again at the end: if the owner has
 * died meanwhile it returns EOWNERDEAD, woken or timed out, and holds the
 * mutex; if the mutex is lost it says so: pthread_cond_wait(3posix),
 * pthread_mutex_consistent(3).
 *
 * test: timeout=20
 */
#include "lib/cond_waits.h"
#include "lib/crowd.h"
#include "lib/pshared.h"

static pthread_mutex_t mutex;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_cond_t turn = PTHREAD_COND_INITIALIZER;
static int flag, waiting[2];

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

static void woken(const struct cond_wait *way)
{
    int error = 0;
    CHECK(pthread_mutex_lock(&mutex) == 0);
    flag = 0;
    pthread_t owner = start(signal_and_end, NULL);
    while (!flag && error == 0)
        error = way->wait(&condition, &mutex);
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
        error = pthread_cond_wait(&condition, &mutex);
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

static void turns(void)
{
    struct crowd crowd = { .mutex = &mutex, .moved = &turn, .threads = 4, .rounds = 100 };
    crowd_run(&crowd, crowd_turns);
    printf("  %d turns of %d threads\n", crowd.counter, crowd.threads);
}

static void show(const char *name, int type, int properties)
{
    puts(name);
    make_mutex(&mutex, type, properties);
    turns();
    for (int i = 0; i < COND_WAITS; i++)
        woken(&cond_waits[i]);
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
