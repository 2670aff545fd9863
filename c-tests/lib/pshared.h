/* Process-shared objects, and processes that play a part: the same program,
 * started again by start_part() with the part's name as its argument.
 */
#ifndef PSHARED_H
#define PSHARED_H

#include "mutexes.h"
#include "peer.h"
#include <semaphore.h>

static inline void make_shared_cond(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    CHECK(pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0);
    CHECK(pthread_cond_init(condition, &attributes) == 0);
    CHECK(pthread_condattr_destroy(&attributes) == 0);
}

static inline void make_shared_rwlock(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attributes;
    CHECK(pthread_rwlockattr_init(&attributes) == 0);
    CHECK(pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0);
    CHECK(pthread_rwlock_init(lock, &attributes) == 0);
    CHECK(pthread_rwlockattr_destroy(&attributes) == 0);
}

static inline void make_shared_barrier(pthread_barrier_t *barrier, unsigned parties)
{
    pthread_barrierattr_t attributes;
    CHECK(pthread_barrierattr_init(&attributes) == 0);
    CHECK(pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0);
    CHECK(pthread_barrier_init(barrier, &attributes, parties) == 0);
    CHECK(pthread_barrierattr_destroy(&attributes) == 0);
}

/* ---- processes --------------------------------------------------------- */

/* The part this process plays; NULL in the one that the runner started. */
static inline const char *part_of(int argc, char **argv)
{
    return argc > 1 ? argv[1] : NULL;
}

static inline void kill_part(struct peer part)
{
    CHECK(kill(part.process, SIGKILL) == 0);
    CHECK(strcmp(child_end(part.process), "killed by SIGKILL") == 0);
    CHECK(close(part.wire) == 0);
}

#endif
