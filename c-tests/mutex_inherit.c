/* Threads contend for priority-inheriting mutexes of every type, and for
 * adaptive ones, and wait in other calls while they hold one; a condition can
 * be waited for with them: pthread_mutexattr_setprotocol(3posix),
 * pthread_mutex_lock(3).
 *
 * test: timeout=20
 * test: slow
 */
#include "lib/crowd.h"
#include "lib/mutex_holder.h"
#include "lib/pshared.h"

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

static void together(const char *what, thread_body *body)
{
    struct crowd crowd = { .mutex = &mutex, .moved = &moved, .threads = 5, .rounds = 200 };
    crowd_run(&crowd, body);
    printf("  %s: %d\n", what, crowd.counter);
}

static void held_by_another(void)
{
    struct timespec soon = in_20_ms(), bad = { 1, 1000000000 };
    struct mutex_holder holder;
    start_holder(&holder, &mutex);
    int try = pthread_mutex_trylock(&mutex), timed = pthread_mutex_timedlock(&mutex, &soon);
    int wrong = pthread_mutex_timedlock(&mutex, &bad);
    printf("  held: trylock %s, 20 ms %s, bad time %s", errno_name(try), errno_name(timed),
           errno_name(wrong));
    /* Of adaptive and ordinary normal ones, nobody asks who unlocks. */
    if (kind->properties & INHERIT)
        printf(", unlock %s", errno_name(pthread_mutex_unlock(&mutex)));
    pthread_t waiter = start(lock_and_unlock, &mutex);
    pthread_t timed_waiter = start(timedlock_and_unlock, &mutex);
    others_run();
    let_go(&holder);
    join_holder(&holder), join(waiter), join(timed_waiter);
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
    for (kind = kinds; kind < kinds + COUNT(kinds); kind++) {
        puts(kind->name);
        make_mutex(&mutex, kind->type, kind->properties);
        if (kind->properties & SHARED)
            make_shared_cond(&moved);
        else
            CHECK(pthread_cond_init(&moved, NULL) == 0);
        together("counted", crowd_count);
        together("turns", crowd_turns);
        held_by_another();
        held_by_me();
        CHECK(pthread_cond_destroy(&moved) == 0 && pthread_mutex_destroy(&mutex) == 0);
    }
    return 0;
}
