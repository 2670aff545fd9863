/* The function of a SIGEV_THREAD timer, which kernel threads of glibc's own run,
 * shares mutexes, conditions, semaphores and pipes with the threads of
 * pthread_create, in both directions, and nothing gets lost: timer_create(2),
 * sigevent(7), pthread_cond_timedwait(3), sem_wait(3).
 */
#include "lib/check.h"
#include <semaphore.h>

enum { EXPIRATIONS = 300, INTERVAL_NS = 100000, HOLDERS = 4, HOLDS = 100 };

struct phase {
    void (*work)(int number);   /* what the timer's function does */
    int started;
    sem_t finished;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t posted, at_semaphore, at_condition, at_pipe;
static int wire[2], there[2], back[2];
static int items, counter, taken;

static struct timespec from_now(long seconds, long nanoseconds)
{
    struct timespec time;
    CHECK(clock_gettime(CLOCK_REALTIME, &time) == 0);
    time.tv_nsec += nanoseconds;
    time.tv_sec += seconds + time.tv_nsec / 1000000000;
    time.tv_nsec %= 1000000000;
    return time;
}

/* The timer may fire once more before it is deleted: that one has no work. */
static void expire(union sigval value)
{
    struct phase *phase = value.sival_ptr;
    int number = __atomic_fetch_add(&phase->started, 1, __ATOMIC_SEQ_CST);
    if (number < EXPIRATIONS) {
        phase->work(number);
        CHECK(sem_post(&phase->finished) == 0);
    }
}

static void fire(struct phase *phase)
{
    struct sigevent event = {
        .sigev_notify = SIGEV_THREAD, .sigev_notify_function = expire,
        .sigev_value.sival_ptr = phase,
    };
    struct itimerspec often = { { 0, INTERVAL_NS }, { 0, INTERVAL_NS } };
    timer_t timer;
    CHECK(sem_init(&phase->finished, 0, 0) == 0);
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &often, NULL) == 0);
    for (int i = 0; i < EXPIRATIONS; i++)
        CHECK(sem_wait(&phase->finished) == 0);
    CHECK(timer_delete(timer) == 0);
}

static void put_item(void)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    items++;
    CHECK(pthread_cond_signal(&cond) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
}

/* `limit`: 0 waits for ever, 1 for an hour, 2 again and again for an instant. */
static void take_item(int limit)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    while (items == 0) {
        struct timespec time = limit == 1 ? from_now(3600, 0) : from_now(0, 200000);
        int error = limit ? pthread_cond_timedwait(&cond, &mutex, &time)
                          : pthread_cond_wait(&cond, &mutex);
        CHECK(error == 0 || (limit == 2 && error == ETIMEDOUT));
    }
    items--;
    taken++;
    CHECK(pthread_mutex_unlock(&mutex) == 0);
}

/* ---- the timer's threads tell, ours wait ---------------------------------- */

static void tell(int number)
{
    (void)number;
    put_item();
    CHECK(sem_post(&posted) == 0);
    give(wire[1], 'x');
}

static void *await_items(void *limit)
{
    for (int i = 0; i < EXPIRATIONS / 3; i++)
        take_item((int)(intptr_t)limit);
    return NULL;
}

static void *await_posts(void *unused)
{
    for (int i = 0; i < EXPIRATIONS / 2; i++)
        CHECK(sem_wait(&posted) == 0);
    return unused;
}

static void *await_bytes(void *unused)
{
    for (int i = 0; i < EXPIRATIONS / 2; i++)
        CHECK(take(wire[0]) == 'x');
    return unused;
}

static void timer_tells(void)
{
    static struct phase phase = { .work = tell };
    pthread_t threads[7];
    int value;
    for (intptr_t i = 0; i < 3; i++)
        threads[i] = start(await_items, (void *)i);
    threads[3] = start(await_posts, NULL), threads[4] = start(await_posts, NULL);
    threads[5] = start(await_bytes, NULL), threads[6] = start(await_bytes, NULL);
    others_run();
    fire(&phase);
    for (int i = 0; i < 7; i++)
        join(threads[i]);
    CHECK(sem_getvalue(&posted, &value) == 0);
    printf("told by the timer: %d items, %d and %d left\n", taken, items, value);
}

/* ---- ours hold the lock while they wait ------------------------------------ */

static void *echo(void *unused)
{
    for (int i = 0; i < HOLDERS * HOLDS / 2; i++)
        give(back[1], take(there[0]));
    return unused;
}

static void *hold(void *unused)
{
    for (int i = 0; i < HOLDS; i++) {
        CHECK(pthread_mutex_lock(&mutex) == 0);
        int seen = counter;
        if (i % 2) {
            give(there[1], (char)i);
            CHECK(take(back[0]) == (char)i);
        } else {
            sched_yield();
        }
        counter = seen + 1;
        CHECK(pthread_mutex_unlock(&mutex) == 0);
    }
    return unused;
}

static void contend(int number)
{
    struct timespec limit = from_now(3600, 0);
    if (number % 3 == 0)
        CHECK(pthread_mutex_timedlock(&mutex, &limit) == 0);
    else
        CHECK(pthread_mutex_lock(&mutex) == 0);
    int seen = counter;
    if (number % 2)
        sched_yield();
    counter = seen + 1;
    CHECK(pthread_mutex_unlock(&mutex) == 0);
}

static void both_contend(void)
{
    static struct phase phase = { .work = contend };
    pthread_t threads[HOLDERS], echoer = start(echo, NULL);
    for (int i = 0; i < HOLDERS; i++)
        threads[i] = start(hold, NULL);
    fire(&phase);
    for (int i = 0; i < HOLDERS; i++)
        join(threads[i]);
    join(echoer);
    printf("counted by both: %d\n", counter);
    CHECK(counter == HOLDERS * HOLDS + EXPIRATIONS);
}

/* ---- ours tell, the timer's threads wait ----------------------------------- */

static void wait_for_all(int number)
{
    struct timespec limit = from_now(3600, 0);
    CHECK(sem_post(&at_semaphore) == 0);
    CHECK((number % 2 ? sem_wait(&posted) : sem_timedwait(&posted, &limit)) == 0);
    CHECK(sem_post(&at_condition) == 0);
    take_item(number % 3);
    CHECK(sem_post(&at_pipe) == 0);
    CHECK(take(wire[0]) == 'y');
}

static void *post_semaphore(void *unused)
{
    for (int i = 0; i < EXPIRATIONS; i++)
        CHECK(sem_wait(&at_semaphore) == 0 && sem_post(&posted) == 0);
    return unused;
}

static void *signal_condition(void *unused)
{
    for (int i = 0; i < EXPIRATIONS; i++) {
        CHECK(sem_wait(&at_condition) == 0);
        put_item();
    }
    return unused;
}

static void *write_pipe(void *unused)
{
    for (int i = 0; i < EXPIRATIONS; i++) {
        CHECK(sem_wait(&at_pipe) == 0);
        give(wire[1], 'y');
    }
    return unused;
}

static void timer_waits(void)
{
    static struct phase phase = { .work = wait_for_all };
    pthread_t threads[] = { start(post_semaphore, NULL), start(signal_condition, NULL),
                            start(write_pipe, NULL) };
    int value;
    taken = 0;
    fire(&phase);
    for (int i = 0; i < 3; i++)
        join(threads[i]);
    CHECK(sem_getvalue(&posted, &value) == 0);
    printf("told to the timer: %d items, %d and %d left\n", taken, items, value);
}

int main(void)
{
    CHECK(pipe(wire) == 0 && pipe(there) == 0 && pipe(back) == 0);
    CHECK(sem_init(&posted, 0, 0) == 0 && sem_init(&at_semaphore, 0, 0) == 0);
    CHECK(sem_init(&at_condition, 0, 0) == 0 && sem_init(&at_pipe, 0, 0) == 0);
    timer_tells();
    both_contend();
    timer_waits();
    return 0;
}
