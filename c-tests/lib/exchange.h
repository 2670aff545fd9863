/* Round trips between two threads by semaphores, where there may be no descriptor, no memory
 * and no thread more. Like others_run(), they come back only if both wait and run. sem_wait(3).
 *
 *   exchange();                 with a fresh thread
 *
 *   start_partner();            with a thread that exists before things get scarce
 *   exchange_with_partner();
 */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include "check.h"
#include <semaphore.h>

enum { ROUND_TRIPS = 20 };

static sem_t exchange_ping, exchange_pong;

static inline void ready_to_exchange(void)
{
    CHECK(sem_init(&exchange_ping, 0, 0) == 0 && sem_init(&exchange_pong, 0, 0) == 0);
}

static inline void answer_one(void)
{
    CHECK(sem_wait(&exchange_ping) == 0);
    CHECK(sem_post(&exchange_pong) == 0);
}

static inline void *answer_each(void *unused)
{
    for (int i = 0; i < ROUND_TRIPS; i++)
        answer_one();
    return unused;
}

static inline void *answer_for_ever(void *unused)
{
    for (;;)
        answer_one();
    return unused;
}

static inline void exchange_with_partner(void)
{
    for (int i = 0; i < ROUND_TRIPS; i++) {
        CHECK(sem_post(&exchange_ping) == 0);
        CHECK(sem_wait(&exchange_pong) == 0);
    }
}

/* It has answered when this comes back. */
static inline void start_partner(void)
{
    ready_to_exchange();
    CHECK(pthread_detach(start(answer_for_ever, NULL)) == 0);
    exchange_with_partner();
}

static inline void exchange(void)
{
    ready_to_exchange();
    pthread_t thread = start(answer_each, NULL);
    exchange_with_partner();
    join(thread);
}

#endif
