/*
 * Checks shared by the test programs.  A test prints what a caller can observe
 * (results, errno names), and ends with status 1 at the first thing that is
 * wrong whatever the output.
 *
 * Include this first: it asks for the GNU extensions before any other header.
 */
#ifndef EXPECT_H
#define EXPECT_H

#include "deadline.h"
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

static inline void expect_failed(const char *file, int line, const char *text, int error)
{
    /* The failing thread may be anywhere: touch no stdio buffer, run no exit handler. */
    dprintf(2, "%s:%d: %s: %s\n", file, line, text, error ? errno_name(error) : "is false");
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
    printf("%s: %s\n", what, errno_name(error));
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

#endif
