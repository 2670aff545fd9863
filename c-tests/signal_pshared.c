/* A handler runs in a thread that waits for a process-shared object. Waits for
 * locks, conditions and barriers go on afterwards; sem_wait fails with EINTR
 * or, with SA_RESTART, goes on: signal(7), sem_wait(3), pthread_mutex_lock(3posix).
 *
 * test: timeout=20
 */
#include "lib/places.h"
#include "lib/pshared.h"
#include "lib/semaphores.h"

enum { SIGNALS = 5 };

static pthread_mutex_t inheriting;
static pthread_cond_t condition;
static sem_t semaphore, *named;
static pthread_t waiter;
static int handled, passed, flag;

static int fetch(int *value) { return __atomic_load_n(value, __ATOMIC_SEQ_CST); }
static void set(int *value, int to) { __atomic_store_n(value, to, __ATOMIC_SEQ_CST); }

static void count(int number)
{
    (void)number;
    int error = errno;
    CHECK(pthread_equal(pthread_self(), waiter));
    errno = error;
    __atomic_add_fetch(&handled, 1, __ATOMIC_SEQ_CST);
}

static void handle_with(int flags)
{
    struct sigaction action = { .sa_handler = count, .sa_flags = flags };
    sigemptyset(&action.sa_mask);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
}

/* ---- waits that go on -------------------------------------------------- */

static void lock_inheriting(void) { lock_mutex(&inheriting), unlock_mutex(&inheriting); }
static void hold_inheriting(void) { lock_mutex(&inheriting); }
static void unlock_inheriting(void) { unlock_mutex(&inheriting); }
static void post(void) { CHECK(sem_post(&semaphore) == 0); }
static void post_named(void) { CHECK(sem_post(named) == 0); }
static void wait_token(void) { CHECK(sem_wait(&semaphore) == 0); }
static void wait_named(void) { CHECK(sem_wait(named) == 0); }

static void timedwrlock(void)
{
    struct timespec limit = in_an_hour();
    CHECK(pthread_rwlock_timedwrlock(&rwlock, &limit) == 0);
    unlock_rwlock();
}

static void unflag(void) { flag = 0; }

static void cond_wait(void)
{
    lock_mutex(&plain);
    while (!flag)
        CHECK(pthread_cond_wait(&condition, &plain) == 0);
    unlock_mutex(&plain);
}

static void cond_timedwait(void)
{
    struct timespec limit = in_an_hour();
    lock_mutex(&plain);
    while (!flag)
        CHECK(pthread_cond_timedwait(&condition, &plain, &limit) == 0);
    unlock_mutex(&plain);
}

static void signal_condition(void)
{
    lock_mutex(&plain);
    flag = 1;
    CHECK(pthread_cond_signal(&condition) == 0);
    unlock_mutex(&plain);
}

static const struct place places[] = {
    { "pthread_mutex_lock", hold_plain, lock_plain, unlock_plain },
    { "pthread_mutex_timedlock", hold_plain, timedlock, unlock_plain },
    { "pthread_mutex_lock, robust", hold_robust, lock_robust, unlock_robust },
    { "pthread_mutex_lock, inheriting", hold_inheriting, lock_inheriting, unlock_inheriting },
    { "pthread_rwlock_rdlock", hold_rwlock, rdlock, unlock_rwlock },
    { "pthread_rwlock_timedwrlock", hold_rwlock, timedwrlock, unlock_rwlock },
    { "pthread_cond_wait", unflag, cond_wait, signal_condition },
    { "pthread_cond_timedwait", unflag, cond_timedwait, signal_condition },
    { "pthread_barrier_wait", hold_nothing, meet, meet },
}, restarted[] = {
    { "sem_wait", hold_nothing, wait_token, post },
    { "sem_wait, named", hold_nothing, wait_named, post_named },
};

static void *wait_there(void *argument)
{
    const struct place *place = argument;
    waiter = pthread_self();
    CHECK(sem_post(&about_to_wait) == 0);
    place->wait();
    set(&passed, 1);
    return NULL;
}

/* The handler runs while the thread is in the call: it can run nowhere else,
 * for the thread has not passed. */
static void interrupt(const struct place *place)
{
    set(&passed, 0), set(&handled, 0);
    place->hold();
    pthread_t thread = start(wait_there, (void *)place);
    CHECK(sem_wait(&about_to_wait) == 0);
    others_run();
    for (int sent = 1; sent <= SIGNALS; sent++) {
        CHECK(pthread_kill(thread, SIGUSR1) == 0);
        while (fetch(&handled) < sent)
            sched_yield();
    }
    others_run();
    CHECK(fetch(&passed) == 0);
    place->release();
    join(thread);
    printf("  %s: %d handled, waited on\n", place->name, fetch(&handled));
    CHECK(passed == 1 && handled == SIGNALS);
}

/* ---- waits that are interrupted ---------------------------------------- */

static int by_wait(void) { return sem_wait(&semaphore); }
static int by_wait_named(void) { return sem_wait(named); }

static int by_timedwait(void)
{
    struct timespec limit = in_an_hour();
    return sem_timedwait(&semaphore, &limit);
}

static int by_clockwait(void)
{
    struct timespec limit = in_an_hour(); /* later still on this clock */
    return sem_clockwait(named, CLOCK_MONOTONIC, &limit);
}

static const struct way {
    const char *name;
    int (*wait)(void);
} ways[] = {
    { "sem_wait", by_wait },
    { "sem_wait, named", by_wait_named },
    { "sem_timedwait", by_timedwait },
    { "sem_clockwait, named", by_clockwait },
};

static void *wait_in_vain(void *argument)
{
    const struct way *way = argument;
    waiter = pthread_self();
    CHECK(sem_post(&about_to_wait) == 0);
    int result = way->wait(), error = errno;
    set(&passed, 1);
    CHECK(result == -1);
    return (void *)errno_name(error);
}

/* A signal that comes before the thread waits does nothing, so send until one
 * does: nobody posts. */
static void expect_eintr(const struct way *way)
{
    set(&passed, 0), set(&handled, 0);
    pthread_t thread = start(wait_in_vain, (void *)way);
    CHECK(sem_wait(&about_to_wait) == 0);
    do {
        int before = fetch(&handled);
        others_run();
        CHECK(pthread_kill(thread, SIGUSR1) == 0);
        while (fetch(&handled) == before && !fetch(&passed))
            sched_yield();
        others_run();
    } while (!fetch(&passed));
    const char *error = join(thread);
    printf("  %s: %s\n", way->name, error);
    CHECK(strcmp(error, "EINTR") == 0 && handled > 0);
}

int main(void)
{
    make_mutex(&plain, PTHREAD_MUTEX_NORMAL, SHARED);
    make_mutex(&robust, PTHREAD_MUTEX_NORMAL, SHARED | ROBUST);
    make_mutex(&inheriting, PTHREAD_MUTEX_NORMAL, SHARED | INHERIT);
    make_shared_cond(&condition);
    make_shared_rwlock(&rwlock);
    make_shared_barrier(&barrier, 2);
    CHECK(sem_init(&about_to_wait, 0, 0) == 0 && sem_init(&semaphore, 1, 0) == 0);
    named = open_unlinked(0);

    static const int flags[] = { 0, SA_RESTART };
    for (size_t f = 0; f < COUNT(flags); f++) {
        puts(flags[f] ? "with SA_RESTART" : "without SA_RESTART");
        handle_with(flags[f]);
        for (size_t i = 0; i < COUNT(places); i++)
            interrupt(&places[i]);
        if (flags[f])
            for (size_t i = 0; i < COUNT(restarted); i++)
                interrupt(&restarted[i]);
        /* One with a limit is not restarted: it is not known how much is left. */
        for (size_t i = flags[f] ? 2 : 0; i < COUNT(ways); i++)
            expect_eintr(&ways[i]);
    }
    return 0;
}
