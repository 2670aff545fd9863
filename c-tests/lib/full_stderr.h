/* Calls that write a message to descriptor 2, a pipe that is full: each waits for room, and
 * others run meanwhile. pipe(7).
 *
 *   own_stderr();
 *   for each call:  char text[TEXT]; size_t size = message_of(&rows[i], text);
 */
#ifndef FULL_STDERR_H
#define FULL_STDERR_H

#include "check.h"

enum { TEXT = 256 };

struct writer {
    const char *name;
    void (*call)(void);
};

static int ends[2];

static inline void own_stderr(void)
{
    CHECK(pipe(ends) == 0 && dup2(ends[1], 2) == 2);
    others_run();
}

static inline void *make_call(void *writer)
{
    ((const struct writer *)writer)->call();
    return NULL;
}

static char filling[1 << 20];

static inline size_t fill(void)
{
    size_t total = 0;
    ssize_t count;
    CHECK(fcntl(2, F_SETFL, O_NONBLOCK) == 0);
    while ((count = write(2, filling, total < 65536 ? 4096 : 1)) > 0)
        total += (size_t)count;
    CHECK(fcntl(2, F_SETFL, 0) == 0);
    return total;
}

/* Prints that it waited; answers the first bytes of what came in the end. */
static inline size_t message_of(const struct writer *writer, char text[TEXT])
{
    size_t full = fill();
    pthread_t thread = start(make_call, (void *)writer);
    others_run();
    printf("%s: %s", writer->name, errno_name(pthread_tryjoin_np(thread, NULL)));
    CHECK(read_all(ends[0], filling, full) == full);
    join(thread);
    ssize_t count = read(ends[0], text, TEXT - 1);
    CHECK(count > 0);
    return (size_t)count;
}

#endif
