/* A thread that holds a mutex until it is told to let go, and threads that wait
 * for one.
 */
#ifndef MUTEX_HOLDER_H
#define MUTEX_HOLDER_H

#include "deadline.h"
#include "gate.h"

struct mutex_holder {
    pthread_mutex_t *mutex;
    struct gate held, told;
    pthread_t thread;
};

static void *hold_until_told(void *argument)
{
    const struct mutex_holder *holder = argument;
    CHECK(pthread_mutex_lock(holder->mutex) == 0);
    gate_open(&holder->held);
    gate_wait(&holder->told);
    CHECK(pthread_mutex_unlock(holder->mutex) == 0);
    return NULL;
}

/* Comes back when the new thread has the mutex. */
static inline void start_holder(struct mutex_holder *holder, pthread_mutex_t *mutex)
{
    *holder = (struct mutex_holder){ .mutex = mutex, .held = gate_make(), .told = gate_make() };
    CHECK(pthread_create(&holder->thread, NULL, hold_until_told, holder) == 0);
    gate_wait(&holder->held);
}

static inline void let_go(const struct mutex_holder *holder)
{
    gate_open(&holder->told);
}

static inline void join_holder(const struct mutex_holder *holder)
{
    CHECK(pthread_join(holder->thread, NULL) == 0);
    CHECK(close(holder->held.read_end) == 0 && close(holder->told.read_end) == 0);
}

/* ---- those who wait ---------------------------------------------------- */

static inline void *lock_and_unlock(void *mutex)
{
    CHECK(pthread_mutex_lock(mutex) == 0);
    CHECK(pthread_mutex_unlock(mutex) == 0);
    return NULL;
}

static inline void *timedlock_and_unlock(void *mutex)
{
    struct timespec limit = in_an_hour();
    CHECK(pthread_mutex_timedlock(mutex, &limit) == 0);
    CHECK(pthread_mutex_unlock(mutex) == 0);
    return NULL;
}

#endif
