/* A file whose open() waits until it is let go, whoever opens it and from
 * wherever, libc's own code included: a write lease, fcntl(2) F_SETLEASE.
 *
 *   struct opening calls[] = { { "getpwnam", "/etc/passwd", by_name }, ... };
 *   make_slow_openings(calls, COUNT(calls));
 *
 * Each call runs in a thread of its own, which opens the file. The kernel tells
 * when the open waits; then others must run (beside.h), then the file is let go.
 */
#ifndef SLOW_FILE_H
#define SLOW_FILE_H

#include "beside.h"

struct opening {
    const char *name, *path;
    void (*call)(void);
    int lease;
};

/* The breaking of a lease is told by SIGIO, which nobody needs here. */
static inline int hold_file(const char *path)
{
    int lease = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(lease >= 0 && signal(SIGIO, SIG_IGN) != SIG_ERR);
    CHECK(fcntl(lease, F_SETLEASE, F_WRLCK) == 0);
    return lease;
}

/* Comes back when somebody waits: from then on the lease is no longer whole. */
static inline void await_opener(int lease)
{
    const struct timespec millisecond = { 0, 1000000 };
    while (fcntl(lease, F_GETLEASE) == F_WRLCK)
        nanosleep(&millisecond, NULL);
}

static inline void let_file_go(int lease)
{
    CHECK(fcntl(lease, F_SETLEASE, F_UNLCK) == 0 && close(lease) == 0);
}

static inline void *opening_made(void *slow)
{
    ((struct opening *)slow)->call();
    return NULL;
}

static inline void opening_waits(void *slow)
{
    await_opener(((struct opening *)slow)->lease);
}

static inline void opening_released(void *slow)
{
    let_file_go(((struct opening *)slow)->lease);
}

static inline void make_slow_openings(struct opening *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        calls[i].lease = hold_file(calls[i].path);
        beside(calls[i].name, opening_made, opening_waits, opening_released, &calls[i]);
    }
}

#endif
