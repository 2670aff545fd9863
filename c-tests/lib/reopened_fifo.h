/* freopen() of a FIFO, `path`, which waits for the other side: freopen(3), fifo(7). */
#ifndef REOPENED_FIFO_H
#define REOPENED_FIFO_H

#include "check.h"

static char directory[] = "/tmp/check-XXXXXX", path[64];

static inline void make_directory(void)
{
    CHECK(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/fifo", directory);
}

static inline void remove_directory(void)
{
    CHECK(unlink(path) == 0 && rmdir(directory) == 0);
}

/* A new one, which nobody has opened yet. */
static inline void make_fifo(void)
{
    unlink(path);
    CHECK(mkfifo(path, 0600) == 0);
}

static inline long reopen(const char *mode)
{
    FILE *stream = fopen("/dev/null", mode);
    CHECK(stream);
    return (stream = freopen(path, mode, stream)) ? fclose(stream) : -1;
}

static inline long reopen_to_read(void) { return reopen("r"); }
static inline long reopen_to_write(void) { return reopen("w"); }

#endif
