/* C11 threads, which start, end and wait as they should. */
#ifndef C11_H
#define C11_H

#include "check.h"
#include <threads.h>

static inline thrd_t start_c11(thrd_start_t body, void *argument)
{
    thrd_t thread;
    CHECK(thrd_create(&thread, body, argument) == thrd_success);
    return thread;
}

static inline int join_c11(thrd_t thread)
{
    int result;
    CHECK(thrd_join(thread, &result) == thrd_success);
    return result;
}

/* The time limit of the calls of C11, this far away. */
static inline struct timespec in_milliseconds(long milliseconds)
{
    struct timespec time;
    CHECK(timespec_get(&time, TIME_UTC) == TIME_UTC);
    time.tv_nsec += milliseconds % 1000 * 1000000;
    time.tv_sec += milliseconds / 1000 + time.tv_nsec / 1000000000;
    time.tv_nsec %= 1000000000;
    return time;
}

#endif
