/* Mutexes and other objects with attributes, and processes that play a part:
 * the same program, started again with the part's name as its argument.
 *
 * NATIVE takes LD_PRELOAD from the environment of the new process; LIKE_US
 * leaves it there.
 */
#ifndef PSHARED_H
#define PSHARED_H

#include "peer.h"
#include <semaphore.h>

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

static inline void *lock_mutex(pthread_mutex_t *mutex)
{
    CHECK(pthread_mutex_lock(mutex) == 0);
    return mutex;
}

static inline void unlock_mutex(void *mutex)
{
    CHECK(pthread_mutex_unlock(mutex) == 0);
}

/* ---- processes --------------------------------------------------------- */

enum world { NATIVE, LIKE_US };

/* The part this process plays; NULL in the one that the runner started. */
static inline const char *part_of(int argc, char **argv)
{
    return argc > 1 ? argv[1] : NULL;
}

static inline struct peer start_part(const char *part, enum world world)
{
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    pid_t process = fork();
    CHECK(process >= 0);
    if (process == 0) {
        CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
        CHECK(dup2(ends[1], PEER_WIRE) == PEER_WIRE);
        if (world == NATIVE)
            CHECK(unsetenv("LD_PRELOAD") == 0 && setenv("GREEN_DISABLE", "1", 1) == 0);
        execl("/proc/self/exe", part, part, (char *)NULL);
        CHECK(!"execl");
    }
    CHECK(close(ends[1]) == 0);
    return (struct peer){ process, ends[0] };
}

static inline void kill_part(struct peer part)
{
    CHECK(kill(part.process, SIGKILL) == 0);
    CHECK(strcmp(child_end(part.process), "killed by SIGKILL") == 0);
    CHECK(close(part.wire) == 0);
}

static inline struct timespec in_20_ms_of(clockid_t clock)
{
    struct timespec time;
    CHECK(clock_gettime(clock, &time) == 0);
    time.tv_nsec += 20 * 1000 * 1000;
    time.tv_sec += time.tv_nsec / 1000000000;
    time.tv_nsec %= 1000000000;
    return time;
}

#endif
