/* Something becomes scarce; then a thread that exists before waits, while others run, and is
 * let go.
 *
 *   static void *by_flock(void *unused) { begin(); ...the call... }
 *
 *   one_waits(by_flock, no_more_threads, release);
 */
#ifndef SCARCITY_H
#define SCARCITY_H

#include "exchange.h"
#include "refuse.h"

static sem_t may_begin, has_begun;

/* In the thread that waits, before its call. */
static inline void begin(void)
{
    CHECK(sem_wait(&may_begin) == 0 && sem_post(&has_begun) == 0);
}

/* The release may exchange_with_partner() once more. */
static inline void one_waits(thread_body *body, void (*use_up)(void), void (*release)(void))
{
    CHECK(sem_init(&may_begin, 0, 0) == 0 && sem_init(&has_begun, 0, 0) == 0);
    pthread_t waiter = start(body, NULL);
    start_partner();
    use_up();
    CHECK(sem_post(&may_begin) == 0 && sem_wait(&has_begun) == 0);
    exchange_with_partner();
    release();
    join(waiter);
}

/* As at RLIMIT_NPROC (all processes of a user share that) or a limit of a cgroup's: clone(2). */
static inline void no_more_threads(void)
{
    refuse_all((struct refusal[]){ { .call = SYS_clone, .error = EAGAIN },
                                   { .call = SYS_clone3, .error = EAGAIN } }, 2);
}

#endif
