/* Fifty threads of pthread_create and five kernel threads of glibc's own, which
 * run the function of a SIGEV_THREAD timer, hammer the same mutex, read-write
 * lock, semaphores, barrier, queue and pipe; all sums are exact in the end:
 * pthread_create(3), timer_create(2), sigevent(7), pthread_barrier_wait(3).
 *
 * test: timeout=60
 * test: slow
 */
#include "lib/check.h"
#include "lib/deadline.h"
#include <semaphore.h>

enum { ORDINARY = 50, FOREIGN = 5, ALL = ORDINARY + FOREIGN };
enum { LAPS = 40, ROUNDS = 50, PLACES = 16, SLOTS = 7 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static sem_t slots, tokens, finished;
static int counter, left, right, serial_threads, started, wire[2];
static long queue_sum, pipe_sum;

/* ---- a queue of few places ------------------------------------------------------- */

static pthread_mutex_t queue_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER;
static int queue[PLACES];
static unsigned first, behind;

static void put(int value)
{
    CHECK(pthread_mutex_lock(&queue_mutex) == 0);
    while (behind - first == PLACES)
        CHECK(pthread_cond_wait(&not_full, &queue_mutex) == 0);
    queue[behind++ % PLACES] = value;
    CHECK(pthread_cond_signal(&not_empty) == 0);
    CHECK(pthread_mutex_unlock(&queue_mutex) == 0);
}

/* Every third gives up quickly and asks again. */
static int get(int number)
{
    int error;
    CHECK(pthread_mutex_lock(&queue_mutex) == 0);
    while (behind == first) {
        struct timespec limit = number % 3 ? in_an_hour() : now(CLOCK_REALTIME);
        error = pthread_cond_timedwait(&not_empty, &queue_mutex, &limit);
        CHECK(error == 0 || (error == ETIMEDOUT && number % 3 == 0));
    }
    int value = queue[first++ % PLACES];
    CHECK(pthread_cond_signal(&not_full) == 0);
    CHECK(pthread_mutex_unlock(&queue_mutex) == 0);
    return value;
}

/* ---- one round each ----------------------------------------------------------------- */

static void count(int i)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    int seen = counter;
    if (i % 5 == 0)
        sched_yield();
    counter = seen + 1;
    CHECK(pthread_mutex_unlock(&mutex) == 0);
}

static void read_or_write(int i)
{
    if (i % 5 == 0) {
        CHECK(pthread_rwlock_wrlock(&rwlock) == 0);
        left++;
        sched_yield();
        right++;
    } else {
        CHECK(pthread_rwlock_rdlock(&rwlock) == 0);
        CHECK(left == right);
    }
    CHECK(pthread_rwlock_unlock(&rwlock) == 0);
}

static void through_semaphores(void)
{
    CHECK(sem_wait(&slots) == 0 && sem_post(&tokens) == 0);
    CHECK(sem_wait(&tokens) == 0 && sem_post(&slots) == 0);
}

/* Whoever puts something in takes something out, so nobody waits for ever. */
static void through_queue(int number, int i)
{
    put(number * ROUNDS + i);
    __atomic_fetch_add(&queue_sum, get(number), __ATOMIC_SEQ_CST);
}

static void through_pipe(int number, int i)
{
    int value = number * ROUNDS + i;
    CHECK(write(wire[1], &value, sizeof value) == sizeof value);
    CHECK(read(wire[0], &value, sizeof value) == sizeof value);
    __atomic_fetch_add(&pipe_sum, value, __ATOMIC_SEQ_CST);
}

static void hammer(int number)
{
    for (int lap = 0; lap < LAPS; lap++) {
        int result = pthread_barrier_wait(&barrier);
        CHECK(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
        if (result)
            __atomic_fetch_add(&serial_threads, 1, __ATOMIC_SEQ_CST);
        for (int i = 0; i < ROUNDS; i++) {
            count(number + i);
            read_or_write(number + i);
            through_semaphores();
            through_queue(number, i);
            through_pipe(number, i);
        }
    }
}

/* ---- who does it ---------------------------------------------------------------------- */

static void *ordinary(void *number)
{
    hammer((int)(intptr_t)number);
    return NULL;
}

/* The timer fires until enough threads are in here, and may fire once more. */
static void foreign(union sigval unused)
{
    (void)unused;
    int number = __atomic_fetch_add(&started, 1, __ATOMIC_SEQ_CST);
    if (number < FOREIGN) {
        hammer(ORDINARY + number);
        CHECK(sem_post(&finished) == 0);
    }
}

int main(void)
{
    struct sigevent event = {
        .sigev_notify = SIGEV_THREAD, .sigev_notify_function = foreign,
    };
    struct itimerspec often = { { 0, 1000000 }, { 0, 1000000 } };
    pthread_t threads[ORDINARY];
    timer_t timer;
    int free_slots, lost_tokens;
    CHECK(pthread_barrier_init(&barrier, NULL, ALL) == 0 && pipe(wire) == 0);
    CHECK(sem_init(&slots, 0, SLOTS) == 0 && sem_init(&tokens, 0, 0) == 0);
    CHECK(sem_init(&finished, 0, 0) == 0);

    for (intptr_t i = 0; i < ORDINARY; i++)
        threads[i] = start(ordinary, (void *)i);
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &often, NULL) == 0);
    others_run();
    for (int i = 0; i < ORDINARY; i++)
        join(threads[i]);
    for (int i = 0; i < FOREIGN; i++)
        CHECK(sem_wait(&finished) == 0);
    CHECK(timer_delete(timer) == 0);

    long rounds = (long)ALL * LAPS * ROUNDS, sum = LAPS * (ALL * ROUNDS - 1L) * ALL * ROUNDS / 2;
    CHECK(sem_getvalue(&slots, &free_slots) == 0);
    CHECK(sem_getvalue(&tokens, &lost_tokens) == 0);
    printf("counted %d of %ld\n", counter, rounds);
    printf("written %d times, %d times\n", left, right);
    printf("%d free slots of %d, %d tokens left\n", free_slots, SLOTS, lost_tokens);
    printf("%d serial threads in %d laps\n", serial_threads, LAPS);
    printf("sums: queue %ld, pipe %ld of %ld\n", queue_sum, pipe_sum, sum);
    CHECK(counter == rounds && left == right && free_slots == SLOTS && lost_tokens == 0);
    CHECK(serial_threads == LAPS && queue_sum == sum && pipe_sum == sum);
    return 0;
}
