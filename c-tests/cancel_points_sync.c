/* A thread that sleeps, or waits for a semaphore, a condition or another
 * thread is cancelled there; a thread whose joiner was cancelled can be
 * joined by another: pthread_cancel(3), pthreads(7), pthread_join(3).
 */
#include "lib/cancel_points.h"
#include "lib/deadline.h"
#include "lib/mutexes.h"

static sem_t semaphore;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_t reader;
static int quiet[2];

static void in_sleep(void) { sleep(3600); }
static void in_usleep(void) { usleep(3600u * 1000000); }

static void in_nanosleep(void)
{
    struct timespec hour = { 3600, 0 };
    nanosleep(&hour, NULL);
}

static void in_clock_nanosleep(void)
{
    struct timespec limit = time_in(CLOCK_MONOTONIC, 3600 * 1000);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &limit, NULL);
}

static void in_sem_wait(void) { sem_wait(&semaphore); }

static void in_sem_timedwait(void)
{
    struct timespec limit = in_an_hour();
    sem_timedwait(&semaphore, &limit);
}

static void in_sem_clockwait(void)
{
    struct timespec limit = time_in(CLOCK_MONOTONIC, 3600 * 1000);
    sem_clockwait(&semaphore, CLOCK_MONOTONIC, &limit);
}

static void in_condition(void (*wait)(void))
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    pthread_cleanup_push(unlock_mutex, &mutex);
    for (;;)
        wait();
    pthread_cleanup_pop(1);
}

static void cond_wait(void)
{
    CHECK(pthread_cond_wait(&condition, &mutex) == 0);
}

static void cond_timedwait(void)
{
    struct timespec limit = in_an_hour();
    CHECK(pthread_cond_timedwait(&condition, &mutex, &limit) == 0);
}

static void cond_clockwait(void)
{
    struct timespec limit = time_in(CLOCK_MONOTONIC, 3600 * 1000);
    CHECK(pthread_cond_clockwait(&condition, &mutex, CLOCK_MONOTONIC,
                                 &limit) == 0);
}

static void in_cond_wait(void) { in_condition(cond_wait); }
static void in_cond_timedwait(void) { in_condition(cond_timedwait); }
static void in_cond_clockwait(void) { in_condition(cond_clockwait); }

static void in_join(void) { pthread_join(reader, NULL); }

static void in_timedjoin(void)
{
    struct timespec limit = in_an_hour();
    pthread_timedjoin_np(reader, NULL, &limit);
}

static const struct point points[] = {
    { "sleep", in_sleep },
    { "usleep", in_usleep },
    { "nanosleep", in_nanosleep },
    { "clock_nanosleep", in_clock_nanosleep },
    { "sem_wait", in_sem_wait },
    { "sem_timedwait", in_sem_timedwait },
    { "sem_clockwait", in_sem_clockwait },
    { "pthread_cond_wait", in_cond_wait },
    { "pthread_cond_timedwait", in_cond_timedwait },
    { "pthread_cond_clockwait", in_cond_clockwait },
    { "pthread_join", in_join },
    { "pthread_timedjoin_np", in_timedjoin },
};

static void *read_byte(void *unused)
{
    (void)unused;
    CHECK(take(quiet[0]) == 'x');
    return "the reader's value";
}

int main(void)
{
    CHECK(sem_init(&semaphore, 0, 0) == 0 && pipe(quiet) == 0);
    reader = start(read_byte, NULL);

    cancel_at_points(points, COUNT(points));

    int value;
    CHECK(sem_post(&semaphore) == 0 && sem_getvalue(&semaphore, &value) == 0);
    printf("a post that nobody waits for: value %d\n", value);
    CHECK(value == 1 && sem_destroy(&semaphore) == 0);
    CHECK(pthread_cond_destroy(&condition) == 0);
    CHECK(pthread_mutex_destroy(&mutex) == 0);
    give(quiet[1], 'x');
    printf("joined: %s\n", (char *)join(reader));
    return 0;
}
