/* Cancellation around process-shared objects: a thread cancelled in a condition
 * wait holds the mutex again when its handlers run, and not before it is free;
 * a token is not lost with a thread cancelled in sem_wait; waits for locks and
 * at barriers are no cancellation points: pthreads(7), pthread_cond_wait(3).
 *
 * test: timeout=20
 */
#include "lib/cancel_places.h"
#include "lib/cond_waits.h"
#include "lib/pshared.h"
#include "lib/semaphores.h"

enum { ROUNDS = 50 };

static pthread_mutex_t mutex;
static pthread_cond_t condition;
static sem_t shared, *named;
static int handled, passed;

static int fetch(int *value) { return __atomic_load_n(value, __ATOMIC_SEQ_CST); }
static void add(int *value) { __atomic_add_fetch(value, 1, __ATOMIC_SEQ_CST); }

/* ---- conditions -------------------------------------------------------- */

static void check_and_unlock(void *unused)
{
    (void)unused;
    CHECK(pthread_mutex_lock(&mutex) == EDEADLK);
    add(&handled);
    unlock_mutex(&mutex);
}

static void *wait_in_vain(void *argument)
{
    const struct cond_wait *wait = argument;
    lock_mutex(&mutex);
    pthread_cleanup_push(check_and_unlock, NULL);
    CHECK(sem_post(&about_to_wait) == 0);
    for (;;)
        CHECK(wait->wait(&condition, &mutex) == 0);
    pthread_cleanup_pop(1);
    return NULL;
}

/* Whoever has the mutex knows that all those who are about to wait do. */
static void cancel_in_cond(const struct cond_wait *wait)
{
    for (int held = 0; held <= 1; held++) {
        handled = 0;
        pthread_t thread = start(wait_in_vain, (void *)wait);
        CHECK(sem_wait(&about_to_wait) == 0);
        lock_mutex(&mutex);
        if (!held)
            unlock_mutex(&mutex);
        others_run();
        CHECK(pthread_cancel(thread) == 0);
        if (held) {
            others_run();
            CHECK(fetch(&handled) == 0 && pthread_tryjoin_np(thread, NULL) == EBUSY);
            unlock_mutex(&mutex);
        }
        CHECK(join(thread) == PTHREAD_CANCELED);
        printf("%s, mutex %s: the handler held it\n", wait->name, held ? "taken" : "free");
        CHECK(handled == 1);
    }
}

static void *wait_for_flag(void *flag)
{
    lock_mutex(&mutex);
    CHECK(sem_post(&about_to_wait) == 0);
    while (!*(int *)flag)
        CHECK(pthread_cond_wait(&condition, &mutex) == 0);
    unlock_mutex(&mutex);
    return NULL;
}

/* A broadcast reaches those who are left. */
static void broadcast_after_cancel(void)
{
    int flag = 0;
    pthread_t cancelled = start(wait_in_vain, (void *)&cond_waits[0]), left[2];
    for (int i = 0; i < 2; i++)
        left[i] = start(wait_for_flag, &flag);
    for (int i = 0; i < 3; i++)
        CHECK(sem_wait(&about_to_wait) == 0);
    others_run();
    CHECK(pthread_cancel(cancelled) == 0 && join(cancelled) == PTHREAD_CANCELED);
    lock_mutex(&mutex);
    flag = 1;
    CHECK(pthread_cond_broadcast(&condition) == 0);
    unlock_mutex(&mutex);
    join(left[0]), join(left[1]);
    puts("one of three cancelled, the others woken");
}

/* ---- semaphores -------------------------------------------------------- */

static void *wait_for_token(void *semaphore)
{
    CHECK(sem_post(&about_to_wait) == 0);
    CHECK(sem_wait(semaphore) == 0);
    add(&passed);
    return NULL;
}

static void *timedwait_for_token(void *semaphore)
{
    struct timespec limit = in_an_hour();
    CHECK(sem_post(&about_to_wait) == 0);
    CHECK(sem_timedwait(semaphore, &limit) == 0);
    add(&passed);
    return NULL;
}

static void cancel_in_sem(const char *name, sem_t *semaphore, thread_body *body)
{
    passed = 0;
    pthread_t cancelled = start(body, semaphore), left[2];
    for (int i = 0; i < 2; i++)
        left[i] = start(body, semaphore);
    for (int i = 0; i < 3; i++)
        CHECK(sem_wait(&about_to_wait) == 0);
    others_run();
    CHECK(pthread_cancel(cancelled) == 0 && join(cancelled) == PTHREAD_CANCELED);
    CHECK(sem_post(semaphore) == 0);
    while (fetch(&passed) == 0)
        sched_yield();
    others_run();
    CHECK(fetch(&passed) == 1 && value_of(semaphore) == 0);
    CHECK(sem_post(semaphore) == 0);
    join(left[0]), join(left[1]);
    printf("%s: cancelled; a post for each of the others\n", name);

    /* The token goes to the thread or stays, whichever of the two comes first. */
    for (int i = 0; i < ROUNDS; i++) {
        passed = 0;
        cancelled = start(body, semaphore);
        CHECK(sem_wait(&about_to_wait) == 0);
        if (i % 2)
            sched_yield();
        CHECK(sem_post(semaphore) == 0 && pthread_cancel(cancelled) == 0);
        CHECK((join(cancelled) == PTHREAD_CANCELED) == !passed);
        CHECK(passed + value_of(semaphore) == 1);
        CHECK(passed || sem_trywait(semaphore) == 0);
    }
    printf("%s: posted and cancelled at once, no token lost\n", name);
}

/* ---- no cancellation points -------------------------------------------- */

static const struct place places[] = {
    { "pthread_mutex_lock", hold_plain, lock_plain, unlock_plain },
    { "pthread_mutex_timedlock", hold_plain, timedlock, unlock_plain },
    { "pthread_mutex_lock, robust", hold_robust, lock_robust, unlock_robust },
    { "pthread_rwlock_rdlock", hold_rwlock, rdlock, unlock_rwlock },
    { "pthread_rwlock_wrlock", hold_rwlock, wrlock, unlock_rwlock },
    { "pthread_barrier_wait", hold_nothing, meet, meet },
};

int main(void)
{
    make_mutex(&mutex, PTHREAD_MUTEX_ERRORCHECK, SHARED);
    make_mutex(&plain, PTHREAD_MUTEX_NORMAL, SHARED);
    make_mutex(&robust, PTHREAD_MUTEX_NORMAL, SHARED | ROBUST);
    make_shared_cond(&condition);
    make_shared_rwlock(&rwlock);
    make_shared_barrier(&barrier, 2);
    CHECK(sem_init(&about_to_wait, 0, 0) == 0 && sem_init(&shared, 1, 0) == 0);
    named = open_unlinked(0);

    cancel_at_places(places, COUNT(places));
    for (int i = 0; i < COND_WAITS; i++)
        cancel_in_cond(&cond_waits[i]);
    broadcast_after_cancel();
    cancel_in_sem("sem_wait", &shared, wait_for_token);
    cancel_in_sem("sem_timedwait", &shared, timedwait_for_token);
    cancel_in_sem("sem_wait, named", named, wait_for_token);
    return 0;
}
