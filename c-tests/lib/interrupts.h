/* Interrupts a thread in each of a table of waiting calls by a signal handler,
 * first without SA_RESTART, then with it.
 *
 *   prepare   makes the call wait
 *   call      makes it; its result, -1 with errno when it fails
 *   release   lets it succeed, and clears up if it has failed
 *   restarts  natively it goes on after a handler with SA_RESTART
 *
 * Prints one line a row. Where EINTR should come, signals are sent until it
 * does; where the call should go on, some are handled, then it is released.
 */
#ifndef INTERRUPTS_H
#define INTERRUPTS_H

#include "check.h"
#include <poll.h>

struct interrupted {
    const char *name;
    void (*prepare)(void);
    long (*call)(void);
    void (*release)(void);
    int restarts;
};

enum { GOES_ON = 3, PATIENCE = 1500 };

static volatile sig_atomic_t interrupts_handled;
static pthread_t interrupted_thread;
static int interrupts_begun[2], interrupts_ended[2];
static long interrupted_result;
static int interrupted_error;

static void count_interrupt(int number)
{
    (void)number;
    CHECK(pthread_equal(pthread_self(), interrupted_thread));
    interrupts_handled++;
}

static void *make_interrupted_call(void *argument)
{
    const struct interrupted *row = argument;
    interrupted_thread = pthread_self();
    give(interrupts_begun[1], 'b');
    errno = 0;
    interrupted_result = row->call();
    interrupted_error = errno;
    while (write(interrupts_ended[1], "e", 1) == -1)
        CHECK(errno == EINTR);
    return NULL;
}

static inline int has_returned(int milliseconds)
{
    struct pollfd ended = { interrupts_ended[0], POLLIN, 0 };
    return poll(&ended, 1, milliseconds) == 1;
}

static inline void interrupt_row(const struct interrupted *row, int flags)
{
    struct sigaction action = { .sa_handler = count_interrupt, .sa_flags = flags };
    int goes_on = flags && row->restarts, before;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    interrupts_handled = 0;
    row->prepare();
    pthread_t thread = start(make_interrupted_call, (void *)row);
    CHECK(take(interrupts_begun[0]) == 'b');
    others_run();
    /* A handler that runs before the call waits does nothing. */
    for (int i = 0; i < PATIENCE && !has_returned(1); i++) {
        before = interrupts_handled;
        CHECK(pthread_kill(thread, SIGUSR1) == 0);
        while (interrupts_handled == before && !has_returned(1) && i++ < PATIENCE)
            ;
        if (goes_on && interrupts_handled >= GOES_ON)
            break;
    }
    int returned = has_returned(1);
    row->release();
    join(thread);
    CHECK(take(interrupts_ended[0]) == 'e');
    if (interrupted_result == -1)
        printf(", %s%s", errno_name(interrupted_error), returned ? "" : " late");
    else
        printf(", %s", returned ? "returned" : "went on");
}

static inline void interrupt_all(const struct interrupted *rows, size_t count, const char *only)
{
    CHECK(pipe(interrupts_begun) == 0 && pipe(interrupts_ended) == 0);
    for (size_t i = 0; i < count; i++) {
        if (only && strcmp(only, rows[i].name) != 0)
            continue;
        printf("%s", rows[i].name);
        fflush(stdout);
        interrupt_row(&rows[i], 0);
        interrupt_row(&rows[i], SA_RESTART);
        puts("");
        fflush(stdout);
    }
}

#endif
