/*
 * sem_basic: the calls on an unnamed semaphore: wait, trywait, timedwait,
 * clockwait, post and getvalue, and many threads through one.
 * Follows sem_overview(7), sem_wait(3), sem_post(3), sem_init(3).
 */
#include "lib/expect.h"
#include "lib/gate.h"

#include <limits.h>
#include <semaphore.h>

enum { THREADS = 10, ROUNDS = 500, PLACES = 3 };

static sem_t places, ready;
static int inside, most;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void show_call(const char *what, int result)
{
    show(what, result == 0 ? 0 : errno);
}

static int value(sem_t *semaphore)
{
    int value;
    SYS(sem_getvalue(semaphore, &value));
    return value;
}

static void step(int direction)
{
    OK(pthread_mutex_lock(&mutex));
    inside += direction;
    if (inside > most)
        most = inside;
    OK(pthread_mutex_unlock(&mutex));
}

static void *visit(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        SYS(sem_wait(&places));
        step(1);
        if (i % 4 == 0)
            sched_yield();
        step(-1);
        SYS(sem_post(&places));
    }
    return unused;
}

static void *post_after_gate(void *gate)
{
    gate_wait(gate);
    for (int i = 0; i < 3; i++)
        SYS(sem_post(&ready));
    return NULL;
}

static void time_outs(void)
{
    struct timespec past = { 1, 0 }, bad = { 1, 1000000000 };
    show_call("trywait at 0", sem_trywait(&ready));
    show_call("timedwait, past", sem_timedwait(&ready, &past));
    show_call("timedwait, bad time", sem_timedwait(&ready, &bad));
    struct timespec limit = time_in(CLOCK_REALTIME, 60);
    show_call("timedwait, 60 ms", sem_timedwait(&ready, &limit));
    EXPECT(reached(CLOCK_REALTIME, limit));
    limit = time_in(CLOCK_MONOTONIC, 60);
    show_call("clockwait, 60 ms", sem_clockwait(&ready, CLOCK_MONOTONIC, &limit));
    EXPECT(reached(CLOCK_MONOTONIC, limit));
    show_call("clockwait, clock that does not serve",
              sem_clockwait(&ready, CLOCK_PROCESS_CPUTIME_ID, &limit));
}

static void posts_in_time(void)
{
    struct gate gate = gate_make();
    pthread_t thread = start_thread(post_after_gate, &gate);
    struct timespec limit = time_in(CLOCK_REALTIME, 20000);
    gate_open(&gate);
    show_call("timedwait, posted in time", sem_timedwait(&ready, &limit));
    limit = time_in(CLOCK_MONOTONIC, 20000);
    show_call("clockwait, posted in time", sem_clockwait(&ready, CLOCK_MONOTONIC, &limit));
    show_call("wait", sem_wait(&ready));
    join_thread(thread);
}

int main(void)
{
    SYS(sem_init(&ready, 0, 0));
    time_outs();
    posts_in_time();
    SYS(sem_post(&ready));
    printf("value after a post: %d\n", value(&ready));
    show_call("trywait at 1", sem_trywait(&ready));

    SYS(sem_init(&places, 0, PLACES));
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = start_thread(visit, NULL);
    for (int i = 0; i < THREADS; i++)
        join_thread(threads[i]);
    printf("never more than %d inside: %s, value at the end %d\n", PLACES,
           most <= PLACES ? "yes" : "no", value(&places));
    EXPECT(most <= PLACES && most > 0 && value(&places) == PLACES);

    show_call("init above SEM_VALUE_MAX", sem_init(&ready, 0, (unsigned)SEM_VALUE_MAX + 1));
    SYS(sem_init(&ready, 0, SEM_VALUE_MAX));
    show_call("post at SEM_VALUE_MAX", sem_post(&ready));
    show_call("destroy", sem_destroy(&ready));
    return 0;
}
