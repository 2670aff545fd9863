/* Process-shared locks that know their owner, recursive and errorcheck mutexes
 * and write locks, tell the threads of a forked child from those of its parent:
 * pthread_mutexattr_setpshared(3), fork(2).
 */
#include "lib/check.h"
#include "lib/crowd.h"
#include <sys/mman.h>
#include <sys/prctl.h>

enum { THREADS = 3, ROUNDS = 1000 };

struct shared {
    pthread_mutex_t mutex;
    pthread_rwlock_t rwlock;
    int counter;
};

static struct shared *shared;
static int held[2], go[2], tried[2], ended[2];

static int try_mutex(void) { return pthread_mutex_trylock(&shared->mutex); }
static int lock_mutex(void) { return pthread_mutex_lock(&shared->mutex); }
static int unlock_mutex(void) { return pthread_mutex_unlock(&shared->mutex); }
static int try_rwlock(void) { return pthread_rwlock_trywrlock(&shared->rwlock); }
static int lock_rwlock(void) { return pthread_rwlock_wrlock(&shared->rwlock); }
static int unlock_rwlock(void) { return pthread_rwlock_unlock(&shared->rwlock); }

static const struct kind {
    const char *name;
    int type;
    int (*try)(void), (*lock)(void), (*unlock)(void);
} kinds[] = {
    { "recursive", PTHREAD_MUTEX_RECURSIVE, try_mutex, lock_mutex, unlock_mutex },
    { "errorcheck", PTHREAD_MUTEX_ERRORCHECK, try_mutex, lock_mutex, unlock_mutex },
    { "write lock", PTHREAD_MUTEX_NORMAL, try_rwlock, lock_rwlock, unlock_rwlock },
}, *kind;

static void *count_up(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(kind->lock() == 0);
        int seen = shared->counter;
        if (i % 20 == 0)
            sched_yield();
        shared->counter = seen + 1;
        CHECK(kind->unlock() == 0);
    }
    return unused;
}

static void *hold_until_tried(void *unused)
{
    CHECK(kind->lock() == 0);
    give(held[1], 'h');
    CHECK(take(tried[0]) == 't');
    CHECK(kind->unlock() == 0);
    return unused;
}

static void *try_while_held(void *unused)
{
    CHECK(take(held[0]) == 'h');
    CHECK(kind->try() == EBUSY);
    give(tried[1], 't');
    return unused;
}

/* The threads of both are created after the fork, in the same order. */
static void be_child(void)
{
    join(start(try_while_held, NULL));
    CHECK(take(go[0]) == 'g');
    run_together(THREADS, count_up, NULL);
    give(ended[1], 'e');
    _exit(0);
}

static void show(void)
{
    pthread_mutexattr_t for_mutex;
    pthread_rwlockattr_t for_rwlock;
    CHECK(pthread_mutexattr_init(&for_mutex) == 0);
    CHECK(pthread_mutexattr_setpshared(&for_mutex, PTHREAD_PROCESS_SHARED) == 0);
    CHECK(pthread_mutexattr_settype(&for_mutex, kind->type) == 0);
    CHECK(pthread_mutex_init(&shared->mutex, &for_mutex) == 0);
    CHECK(pthread_rwlockattr_init(&for_rwlock) == 0);
    CHECK(pthread_rwlockattr_setpshared(&for_rwlock, PTHREAD_PROCESS_SHARED) == 0);
    CHECK(pthread_rwlock_init(&shared->rwlock, &for_rwlock) == 0);
    shared->counter = 0;

    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
        be_child();
    }
    join(start(hold_until_tried, NULL));
    give(go[1], 'g');
    run_together(THREADS, count_up, NULL);
    CHECK(take(ended[0]) == 'e');
    printf("%s: EBUSY for the other process, counted to %d, child: %s\n", kind->name,
           shared->counter, child_end(child));
    CHECK(shared->counter == 2 * THREADS * ROUNDS);
}

int main(void)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    CHECK(pipe(held) == 0 && pipe(go) == 0 && pipe(tried) == 0 && pipe(ended) == 0);
    for (kind = kinds; kind < kinds + COUNT(kinds); kind++)
        show();
    return 0;
}
