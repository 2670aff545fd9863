/*
 * Checks shared by the test programs.  A test prints what a caller can observe
 * (results, errno names), and ends with status 1 at the first thing that is
 * wrong whatever the output.
 *
 * Include this first: it asks for the GNU extensions before any other header.
 */
#ifndef EXPECT_H
#define EXPECT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* "EBUSY" for EBUSY, "0" for success. */
static inline const char *error_name(int error)
{
    const char *name = strerrorname_np(error);
    return name ? name : "unknown error";
}

static inline void expect_failed(const char *file, int line, const char *text, int error)
{
    /* The failing thread may be anywhere: touch no stdio buffer, run no exit handler. */
    dprintf(2, "%s:%d: %s: %s\n", file, line, text, error ? error_name(error) : "is false");
    _exit(1);
}

static inline long expect_result(long result, const char *file, int line, const char *text)
{
    if (result == -1)
        expect_failed(file, line, text, errno);
    return result;
}

static inline void expect_zero(int error, const char *file, int line, const char *text)
{
    if (error)
        expect_failed(file, line, text, error);
}

/* The condition holds. */
#define EXPECT(condition) \
    ((condition) ? (void)0 : expect_failed(__FILE__, __LINE__, #condition, 0))

/* The call, in the manner of pthreads, returns 0 and not an error number. */
#define OK(call) expect_zero((call), __FILE__, __LINE__, #call)

/* The call, in the manner of system calls, does not return -1; its result. */
#define SYS(call) expect_result((call), __FILE__, __LINE__, #call)

/* Prints what a call returned, by name. */
static inline void show(const char *what, int error)
{
    printf("%s: %s\n", what, error_name(error));
}

static inline pthread_t start_thread(void *(*entry)(void *), void *argument)
{
    pthread_t thread;
    OK(pthread_create(&thread, NULL, entry, argument));
    return thread;
}

static inline void *join_thread(pthread_t thread)
{
    void *value;
    OK(pthread_join(thread, &value));
    return value;
}

static inline struct timespec now(clockid_t clock)
{
    struct timespec time;
    SYS(clock_gettime(clock, &time));
    return time;
}

/* The absolute time this many milliseconds from now. */
static inline struct timespec time_in(clockid_t clock, long milliseconds)
{
    struct timespec time = now(clock);
    time.tv_sec += milliseconds / 1000;
    time.tv_nsec += milliseconds % 1000 * 1000000;
    if (time.tv_nsec >= 1000000000) {
        time.tv_sec += 1;
        time.tv_nsec -= 1000000000;
    }
    return time;
}

/* Has this absolute time come? */
static inline int reached(clockid_t clock, struct timespec time)
{
    struct timespec current = now(clock);
    return current.tv_sec > time.tv_sec
        || (current.tv_sec == time.tv_sec && current.tv_nsec >= time.tv_nsec);
}

#endif
