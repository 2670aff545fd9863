/* A thread that waits for a process-shared or named semaphore or a
 * process-shared condition is cancelled there, and takes nothing with it:
 * pthread_cancel(3), pthreads(7).
 */
#include "lib/cancel_points.h"

static sem_t shared, *named;
static pthread_mutex_t mutex;
static pthread_cond_t condition;

static struct timespec in_an_hour(void)
{
    struct timespec time;
    CHECK(clock_gettime(CLOCK_REALTIME, &time) == 0);
    time.tv_sec += 3600;
    return time;
}

static void in_sem_wait(void) { sem_wait(&shared); }
static void in_named_sem_wait(void) { sem_wait(named); }

static void in_sem_timedwait(void)
{
    struct timespec limit = in_an_hour();
    sem_timedwait(&shared, &limit);
}

/* EPERM, if the thread did not hold the mutex. */
static void unlock(void *unused)
{
    (void)unused;
    CHECK(pthread_mutex_unlock(&mutex) == 0);
}

static void in_cond_wait(void)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    pthread_cleanup_push(unlock, NULL);
    for (;;)
        CHECK(pthread_cond_wait(&condition, &mutex) == 0);
    pthread_cleanup_pop(1);
}

static void in_cond_timedwait(void)
{
    struct timespec limit = in_an_hour();
    CHECK(pthread_mutex_lock(&mutex) == 0);
    pthread_cleanup_push(unlock, NULL);
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
    pthread_mutexattr_t for_mutex;
    pthread_condattr_t for_cond;
    CHECK(pthread_mutexattr_init(&for_mutex) == 0);
    CHECK(pthread_mutexattr_setpshared(&for_mutex, PTHREAD_PROCESS_SHARED) == 0);
    CHECK(pthread_mutexattr_settype(&for_mutex, PTHREAD_MUTEX_ERRORCHECK) == 0);
    CHECK(pthread_mutex_init(&mutex, &for_mutex) == 0);
    CHECK(pthread_condattr_init(&for_cond) == 0);
    CHECK(pthread_condattr_setpshared(&for_cond, PTHREAD_PROCESS_SHARED) == 0);
    CHECK(pthread_cond_init(&condition, &for_cond) == 0);
    char name[40];
    snprintf(name, sizeof name, "/check-cancel-%d", (int)getpid());
    CHECK(sem_init(&shared, 1, 0) == 0);
    CHECK((named = sem_open(name, O_CREAT | O_EXCL, 0600, 0)) != SEM_FAILED);
    CHECK(sem_unlink(name) == 0);

    cancel_at_points(points, COUNT(points));

    int value;
    CHECK(sem_post(&shared) == 0);
    others_run();
    CHECK(sem_getvalue(&shared, &value) == 0);
    printf("a post that nobody waits for: value %d\n", value);
    CHECK(value == 1 && pthread_mutex_trylock(&mutex) == 0);
    return 0;
}
