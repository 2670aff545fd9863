/* A thread that waits for a process-shared or named semaphore or a
 * process-shared condition is cancelled there, and takes nothing with it:
 * pthread_cancel(3), pthreads(7).
 */
#include "lib/cancel_points.h"
#include "lib/pshared.h"
#include "lib/semaphores.h"

static sem_t shared, *named;
static pthread_mutex_t mutex;
static pthread_cond_t condition;

static void in_sem_wait(void) { sem_wait(&shared); }
static void in_named_sem_wait(void) { sem_wait(named); }

static void in_sem_timedwait(void)
{
    struct timespec limit = in_an_hour();
    sem_timedwait(&shared, &limit);
}

/* At the end the handler gets EPERM, if the thread does not hold the mutex. */
static void in_cond_wait(void)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    pthread_cleanup_push(unlock_mutex, &mutex);
    for (;;)
        CHECK(pthread_cond_wait(&condition, &mutex) == 0);
    pthread_cleanup_pop(1);
}

static void in_cond_timedwait(void)
{
    struct timespec limit = in_an_hour();
    CHECK(pthread_mutex_lock(&mutex) == 0);
    pthread_cleanup_push(unlock_mutex, &mutex);
    for (;;)
        CHECK(pthread_cond_timedwait(&condition, &mutex, &limit) == 0);
    pthread_cleanup_pop(1);
}

static const struct point points[] = {
    { "sem_wait", in_sem_wait },
    { "sem_timedwait", in_sem_timedwait },
    { "sem_wait, named", in_named_sem_wait },
    { "pthread_cond_wait", in_cond_wait },
    { "pthread_cond_timedwait", in_cond_timedwait },
};

int main(void)
{
    make_mutex(&mutex, PTHREAD_MUTEX_ERRORCHECK, SHARED);
    make_shared_cond(&condition);
    CHECK(sem_init(&shared, 1, 0) == 0);
    named = open_unlinked(0);

    cancel_at_points(points, COUNT(points));

    CHECK(sem_post(&shared) == 0);
    others_run();
    int value = value_of(&shared);
    printf("a post that nobody waits for: value %d\n", value);
    CHECK(value == 1 && pthread_mutex_trylock(&mutex) == 0);
    return 0;
}
