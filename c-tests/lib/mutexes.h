/* Mutexes with a type and further properties, and calls on them that must
 * succeed. unlock_mutex() serves as a cleanup handler.
 */
#ifndef MUTEXES_H
#define MUTEXES_H

#include "verdict.h"
#include <pthread.h>

enum { ROBUST = 1, SHARED = 2, INHERIT = 4 };

static inline void make_mutex(pthread_mutex_t *mutex, int type, int properties)
{
    pthread_mutexattr_t attributes;
    CHECK(pthread_mutexattr_init(&attributes) == 0);
    CHECK(pthread_mutexattr_settype(&attributes, type) == 0);
    if (properties & ROBUST)
        CHECK(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0);
    if (properties & SHARED)
        CHECK(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0);
    if (properties & INHERIT)
        CHECK(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT) == 0);
    CHECK(pthread_mutex_init(mutex, &attributes) == 0);
    CHECK(pthread_mutexattr_destroy(&attributes) == 0);
}

static inline void *lock_mutex(pthread_mutex_t *mutex)
{
    CHECK(pthread_mutex_lock(mutex) == 0);
    return mutex;
}

static inline void unlock_mutex(void *mutex)
{
    CHECK(pthread_mutex_unlock(mutex) == 0);
}

#endif
