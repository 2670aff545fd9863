/* A crowd of threads that do the same, or contend for one mutex.
 *
 *   run_together(5, body, argument);
 *   run_numbered(5, body);      each has its number, 0 to 4, and others run meanwhile
 *
 *   struct crowd crowd = { .mutex = &mutex, .threads = 5, .rounds = 200 };
 *   crowd_run(&crowd, crowd_count);
 *
 * Here each counts `rounds` times. That the count is right at the end shows that the
 * mutex excludes.
 */
#ifndef CROWD_H
#define CROWD_H

#include "check.h"

static inline void run_together(int count, thread_body *body, void *argument)
{
    pthread_t threads[count];
    for (int i = 0; i < count; i++)
        threads[i] = start(body, argument);
    for (int i = 0; i < count; i++)
        join(threads[i]);
}

static inline void run_numbered(int count, thread_body *body)
{
    pthread_t threads[count];
    for (long i = 0; i < count; i++)
        threads[i] = start(body, (void *)i);
    others_run();
    for (int i = 0; i < count; i++)
        join(threads[i]);
}

struct crowd {
    pthread_mutex_t *mutex;
    pthread_cond_t *moved;          /* for crowd_turns */
    void (*park)(int round);        /* for crowd_count; sleep_or_yield if there is none */
    int threads, rounds;
    int counter, arrived;
};

static inline void sleep_or_yield(int round)
{
    struct timespec nothing = { 0, 0 };
    if (round % 5 == 0)
        CHECK(nanosleep(&nothing, NULL) == 0);
    else if (round % 2 == 0)
        sched_yield();
}

/* Lets the others run while it holds the mutex. */
static inline void *crowd_count(void *argument)
{
    struct crowd *crowd = argument;
    for (int i = 0; i < crowd->rounds; i++) {
        CHECK(pthread_mutex_lock(crowd->mutex) == 0);
        int seen = crowd->counter;
        (crowd->park ? crowd->park : sleep_or_yield)(i);
        crowd->counter = seen + 1;
        CHECK(pthread_mutex_unlock(crowd->mutex) == 0);
    }
    return NULL;
}

/* One after the other, by the condition. */
static inline void *crowd_turns(void *argument)
{
    struct crowd *crowd = argument;
    CHECK(pthread_mutex_lock(crowd->mutex) == 0);
    int me = crowd->arrived++;
    while (crowd->counter < crowd->threads * crowd->rounds) {
        if (crowd->counter % crowd->threads == me) {
            crowd->counter++;
            CHECK(pthread_cond_broadcast(crowd->moved) == 0);
        } else {
            CHECK(pthread_cond_wait(crowd->moved, crowd->mutex) == 0);
        }
    }
    CHECK(pthread_mutex_unlock(crowd->mutex) == 0);
    return NULL;
}

static inline void crowd_run(struct crowd *crowd, thread_body *body)
{
    crowd->counter = crowd->arrived = 0;
    run_together(crowd->threads, body, crowd);
    CHECK(crowd->counter == crowd->threads * crowd->rounds);
}

#endif
