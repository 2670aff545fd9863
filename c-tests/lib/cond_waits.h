/* The three calls that wait for a condition, with an hour where they ask for a
 * time limit.
 */
#ifndef COND_WAITS_H
#define COND_WAITS_H

#include "deadline.h"
#include <pthread.h>

static inline int timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
    struct timespec limit = in_an_hour();
    return pthread_cond_timedwait(condition, mutex, &limit);
}

static inline int clockwait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
    struct timespec limit = time_in(CLOCK_MONOTONIC, 3600 * 1000);
    return pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, &limit);
}

static const struct cond_wait {
    const char *name;
    int (*wait)(pthread_cond_t *, pthread_mutex_t *);
} cond_waits[] = {
    { "pthread_cond_wait", pthread_cond_wait },
    { "pthread_cond_timedwait", timedwait },
    { "pthread_cond_clockwait", clockwait },
};

enum { COND_WAITS = sizeof cond_waits / sizeof *cond_waits };

#endif
