/* With the asynchronous type a thread is cancelled anywhere: between yields,
 * and in waits that are no cancellation points. Choosing the type, or enabling
 * cancellation under it, acts on a pending request at once:
 * pthread_setcanceltype(3).
 */
#include "lib/check.h"
#include <semaphore.h>

static sem_t about_to_wait;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t barrier, cancelled;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static int quiet[2];
static volatile int reached;

static void choose_async(void)
{
    int before;
    CHECK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before) == 0);
    CHECK(before == PTHREAD_CANCEL_DEFERRED);
}

static void in_yields(void)
{
    for (;;)
        sched_yield();
}

static void in_read(void) { (void)!read(quiet[0], &(char){ 0 }, 1); }
static void in_mutex(void) { pthread_mutex_lock(&mutex); }
static void in_barrier(void) { pthread_barrier_wait(&barrier); }
static void in_rwlock(void) { pthread_rwlock_rdlock(&rwlock); }

static const struct {
    const char *name;
    void (*call)(void);
} places[] = {
    { "yields", in_yields },
    { "read", in_read },
    { "pthread_mutex_lock", in_mutex },
    { "pthread_rwlock_rdlock", in_rwlock },
    { "pthread_barrier_wait", in_barrier },
};

static void *call_async(void *argument)
{
    void (*const *call)(void) = argument;
    CHECK(sem_post(&about_to_wait) == 0);
    choose_async();
    (*call)();
    CHECK(!"the call returned");
    return NULL;
}

static void *choose_when_cancelled(void *unused)
{
    CHECK(sem_post(&about_to_wait) == 0);
    pthread_barrier_wait(&cancelled);
    reached = 1;
    choose_async();
    reached = 2;
    return unused;
}

static void *enable_when_cancelled(void *unused)
{
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL) == 0);
    choose_async();
    CHECK(sem_post(&about_to_wait) == 0);
    pthread_barrier_wait(&cancelled);
    reached = 1;
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    reached = 2;
    return unused;
}

static void cancel_before(thread_body *body, const char *name)
{
    pthread_t thread = start(body, NULL);
    CHECK(sem_wait(&about_to_wait) == 0);
    CHECK(pthread_cancel(thread) == 0);
    pthread_barrier_wait(&cancelled);
    CHECK(join(thread) == PTHREAD_CANCELED);
    CHECK(reached == 1);
    printf("%s: cancelled at once\n", name);
}

int main(void)
{
    CHECK(sem_init(&about_to_wait, 0, 0) == 0 && pipe(quiet) == 0);
    CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
    CHECK(pthread_barrier_init(&cancelled, NULL, 2) == 0);
    CHECK(pthread_mutex_lock(&mutex) == 0);
    CHECK(pthread_rwlock_wrlock(&rwlock) == 0);
    CHECK(pthread_setcanceltype(2, NULL) == EINVAL);

    for (size_t i = 0; i < COUNT(places); i++) {
        pthread_t thread = start(call_async, (void *)&places[i].call);
        CHECK(sem_wait(&about_to_wait) == 0);
        others_run();
        CHECK(pthread_cancel(thread) == 0);
        CHECK(join(thread) == PTHREAD_CANCELED);
        printf("%s: cancelled\n", places[i].name);
    }

    /* Only main holds these: the cancelled waiters left nothing behind. */
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    CHECK(pthread_mutex_trylock(&mutex) == 0);
    puts("the mutex is free");

    cancel_before(choose_when_cancelled, "choosing the type");
    cancel_before(enable_when_cancelled, "enabling");
    return 0;
}
