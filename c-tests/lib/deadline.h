/* Absolute times, as the calls that wait with a time limit want them. */
#ifndef DEADLINE_H
#define DEADLINE_H

#include "verdict.h"
#include <time.h>

static inline struct timespec now(clockid_t clock)
{
    struct timespec time;
    CHECK(clock_gettime(clock, &time) == 0);
    return time;
}

static inline struct timespec time_in(clockid_t clock, long milliseconds)
{
    struct timespec time = now(clock);
    time.tv_sec += milliseconds / 1000;
    time.tv_nsec += milliseconds % 1000 * 1000000;
    time.tv_sec += time.tv_nsec / 1000000000;
    time.tv_nsec %= 1000000000;
    return time;
}

static inline struct timespec in_an_hour(void)
{
    return time_in(CLOCK_REALTIME, 3600 * 1000);
}

static inline struct timespec in_20_ms(void)
{
    return time_in(CLOCK_REALTIME, 20);
}

/* Has this absolute time come? */
static inline int reached(clockid_t clock, struct timespec time)
{
    struct timespec current = now(clock);
    return current.tv_sec > time.tv_sec
        || (current.tv_sec == time.tv_sec && current.tv_nsec >= time.tv_nsec);
}

#endif
