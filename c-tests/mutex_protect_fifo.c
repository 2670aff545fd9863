/* Threads with a real-time policy contend for priority-protected mutexes: they
 * exclude, refuse a thread above their ceiling, and the ceiling can be changed
 * while nobody or somebody else holds one: pthread_mutexattr_setprotocol(3posix),
 * pthread_mutex_setprioceiling(3posix), sched(7).
 *
 * Who may not have the policy is shown the same with ordinary mutexes, as far
 * as they can.
 *
 * test: timeout=20
 */
#include "lib/crowd.h"
#include "lib/mutex_holder.h"
#include "lib/pshared.h"

enum { PRIORITY = 3, CEILING = 5 };

static const struct kind {
    const char *name;
    int type, is_shared;
} kinds[] = {
    { "normal", PTHREAD_MUTEX_NORMAL, 0 },
    { "recursive", PTHREAD_MUTEX_RECURSIVE, 0 },
    { "errorcheck", PTHREAD_MUTEX_ERRORCHECK, 0 },
    { "process-shared", PTHREAD_MUTEX_NORMAL, 1 },
}, *kind;

static int is_real_time;
static pthread_mutex_t mutex;

static void make(void)
{
    pthread_mutexattr_t attributes;
    CHECK(pthread_mutexattr_init(&attributes) == 0);
    CHECK(pthread_mutexattr_settype(&attributes, kind->type) == 0);
    if (kind->is_shared)
        CHECK(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0);
    if (is_real_time) {
        CHECK(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_PROTECT) == 0);
        CHECK(pthread_mutexattr_setprioceiling(&attributes, CEILING) == 0);
    }
    CHECK(pthread_mutex_init(&mutex, &attributes) == 0);
    CHECK(pthread_mutexattr_destroy(&attributes) == 0);
}

static void count_together(void)
{
    struct crowd crowd = { .mutex = &mutex, .threads = 4, .rounds = 100 };
    crowd_run(&crowd, crowd_count);
    printf("  counted to %d\n", crowd.counter);
}

static void *lower_ceiling(void *unused)
{
    int old = CEILING;
    if (is_real_time)
        CHECK(pthread_mutex_setprioceiling(&mutex, CEILING - 1, &old) == 0);
    CHECK(old == CEILING);
    return unused;
}

static void held_by_another(void)
{
    struct timespec soon = in_20_ms();
    struct mutex_holder holder;
    start_holder(&holder, &mutex);
    int try = pthread_mutex_trylock(&mutex), timed = pthread_mutex_timedlock(&mutex, &soon);
    pthread_t waiter = start(lock_and_unlock, &mutex), setter = start(lower_ceiling, NULL);
    others_run();
    let_go(&holder);
    join_holder(&holder), join(waiter), join(setter);
    printf("  held: trylock %s, 20 ms %s, others run\n", errno_name(try), errno_name(timed));
}

static void held_by_me(void)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    int again = kind->type == PTHREAD_MUTEX_NORMAL ? pthread_mutex_trylock(&mutex)
                                                   : pthread_mutex_lock(&mutex);
    printf("  mine: %s\n", errno_name(again));
    if (again == 0)
        CHECK(pthread_mutex_unlock(&mutex) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
}

/* PRIORITY is above this ceiling. */
static void above_ceiling(void)
{
    int old, refused = EINVAL;
    if (is_real_time) {
        CHECK(pthread_mutex_setprioceiling(&mutex, PRIORITY - 1, &old) == 0);
        refused = pthread_mutex_lock(&mutex);
        CHECK(pthread_mutex_setprioceiling(&mutex, CEILING, &old) == 0);
    }
    printf("  above the ceiling: %s\n", errno_name(refused));
    CHECK(pthread_mutex_lock(&mutex) == 0 && pthread_mutex_unlock(&mutex) == 0);
}

/* The threads inherit the policy from the main thread. */
int main(void)
{
    struct sched_param parameters = { .sched_priority = PRIORITY };
    is_real_time = sched_setscheduler(0, SCHED_FIFO, &parameters) == 0;
    for (kind = kinds; kind < kinds + COUNT(kinds); kind++) {
        puts(kind->name);
        make();
        count_together();
        held_by_another();
        held_by_me();
        above_ceiling();
        CHECK(pthread_mutex_destroy(&mutex) == 0);
    }
    return 0;
}
