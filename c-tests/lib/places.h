/* Places where a thread waits for a lock or at a barrier, each with a way to
 * make a thread wait there and a way to let it go on. The test makes `plain`,
 * `rwlock`, `barrier` (for two) and what else its places use.
 */
#ifndef PLACES_H
#define PLACES_H

#include "check.h"
#include "deadline.h"
#include <semaphore.h>

struct place {
    const char *name;
    void (*hold)(void), (*wait)(void), (*release)(void);
};

static pthread_mutex_t plain, robust;
static pthread_rwlock_t rwlock;
static pthread_barrier_t barrier;
static sem_t about_to_wait;

static inline void hold_nothing(void) { }
static inline void hold_plain(void) { CHECK(pthread_mutex_lock(&plain) == 0); }
static inline void hold_robust(void) { CHECK(pthread_mutex_lock(&robust) == 0); }
static inline void hold_rwlock(void) { CHECK(pthread_rwlock_wrlock(&rwlock) == 0); }
static inline void unlock_plain(void) { CHECK(pthread_mutex_unlock(&plain) == 0); }
static inline void unlock_robust(void) { CHECK(pthread_mutex_unlock(&robust) == 0); }
static inline void unlock_rwlock(void) { CHECK(pthread_rwlock_unlock(&rwlock) == 0); }
static inline void meet(void) { pthread_barrier_wait(&barrier); }

static inline void lock_plain(void) { hold_plain(), unlock_plain(); }
static inline void lock_robust(void) { hold_robust(), unlock_robust(); }
static inline void wrlock(void) { hold_rwlock(), unlock_rwlock(); }

static inline void timedlock(void)
{
    struct timespec limit = in_an_hour();
    CHECK(pthread_mutex_timedlock(&plain, &limit) == 0);
    unlock_plain();
}

static inline void rdlock(void)
{
    CHECK(pthread_rwlock_rdlock(&rwlock) == 0);
    unlock_rwlock();
}

#endif
