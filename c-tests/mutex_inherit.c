/* Threads contend for priority-inheriting mutexes of every type, and for
 * adaptive ones, and wait in other calls while they hold one; a condition can
 * be waited for with them: pthread_mutexattr_setprotocol(3posix),
 * pthread_mutex_lock(3).
 *
 * test: timeout=20
 */
#include "lib/pshared.h"

enum { THREADS = 5, ROUNDS = 200 };

static const struct kind {
    const char *name;
    int type, properties;
} kinds[] = {
    { "normal", PTHREAD_MUTEX_NORMAL, INHERIT },
    { "recursive", PTHREAD_MUTEX_RECURSIVE, INHERIT },
    { "errorcheck", PTHREAD_MUTEX_ERRORCHECK, INHERIT },
    { "adaptive, inheriting", PTHREAD_MUTEX_ADAPTIVE_NP, INHERIT },
    { "adaptive", PTHREAD_MUTEX_ADAPTIVE_NP, 0 },
    { "normal, process-shared", PTHREAD_MUTEX_NORMAL, INHERIT | SHARED },
    { "recursive, process-shared", PTHREAD_MUTEX_RECURSIVE, INHERIT | SHARED },
    { "errorcheck, process-shared", PTHREAD_MUTEX_ERRORCHECK, INHERIT | SHARED },
}, *kind;

static pthread_mutex_t mutex;
static pthread_cond_t moved;
static int counter, held[2], done[2];

static void *count_up(void *unused)
{
    struct timespec nothing = { 0, 0 };
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(pthread_mutex_lock(&mutex) == 0);
        int seen = counter;
        if (i % 5 == 0)
            CHECK(nanosleep(&nothing, NULL) == 0);
        else if (i % 2 == 0)
            sched_yield();
        counter = seen + 1;
        CHECK(pthread_mutex_unlock(&mutex) == 0);
    }
    return unused;
}

static void *take_turns(void *argument)
{
    int me = *(int *)argument;
    CHECK(pthread_mutex_lock(&mutex) == 0);
    while (counter < THREADS * ROUNDS) {
        if (counter % THREADS == me) {
            counter++;
            CHECK(pthread_cond_broadcast(&moved) == 0);
        } else {
            CHECK(pthread_cond_wait(&moved, &mutex) == 0);
        }
    }
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return NULL;
}

static void together(const char *what, thread_body *body)
{
    pthread_t threads[THREADS];
    int numbers[THREADS];
    counter = 0;
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        threads[i] = start(body, &numbers[i]);
    }
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    printf("  %s: %d\n", what, counter);
    CHECK(counter == THREADS * ROUNDS);
}

static void *hold(void *unused)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    give(held[1], 'h');
    CHECK(take(done[0]) == 'd');
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return unused;
}

static void *lock_and_unlock(void *timed)
{
    struct timespec limit = in_an_hour();
    CHECK((timed ? pthread_mutex_timedlock(&mutex, &limit) : pthread_mutex_lock(&mutex)) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return NULL;
}

static void held_by_another(void)
{
    struct timespec soon = in_20_ms(), bad = { 1, 1000000000 };
    pthread_t holder = start(hold, NULL);
    CHECK(take(held[0]) == 'h');
    int try = pthread_mutex_trylock(&mutex), timed = pthread_mutex_timedlock(&mutex, &soon);
    int wrong = pthread_mutex_timedlock(&mutex, &bad);
    printf("  held: trylock %s, 20 ms %s, bad time %s", errno_name(try), errno_name(timed),
           errno_name(wrong));
    /* Of adaptive and ordinary normal ones, nobody asks who unlocks. */
    if (kind->properties & INHERIT)
        printf(", unlock %s", errno_name(pthread_mutex_unlock(&mutex)));
    pthread_t waiter = start(lock_and_unlock, NULL), waiter_too = start(lock_and_unlock, "timed");
    others_run();
    give(done[1], 'd');
    join(holder), join(waiter), join(waiter_too);
    puts(", others run");
}

static void held_by_me(void)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    int try = pthread_mutex_trylock(&mutex);
    printf("  mine: trylock %s", errno_name(try));
    if (kind->type == PTHREAD_MUTEX_RECURSIVE || kind->type == PTHREAD_MUTEX_ERRORCHECK) {
        int lock = pthread_mutex_lock(&mutex);
        printf(", lock %s", errno_name(lock));
        if (lock == 0)
            CHECK(pthread_mutex_unlock(&mutex) == 0);
    }
    puts("");
    if (try == 0)
        CHECK(pthread_mutex_unlock(&mutex) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
}

int main(void)
{
    CHECK(pipe(held) == 0 && pipe(done) == 0);
    for (kind = kinds; kind < kinds + COUNT(kinds); kind++) {
        puts(kind->name);
        make_mutex(&mutex, kind->type, kind->properties);
        if (kind->properties & SHARED)
            make_shared_cond(&moved);
        else
            CHECK(pthread_cond_init(&moved, NULL) == 0);
        together("counted", count_up);
        together("turns", take_turns);
        held_by_another();
        held_by_me();
        CHECK(pthread_cond_destroy(&moved) == 0 && pthread_mutex_destroy(&mutex) == 0);
    }
    return 0;
}
