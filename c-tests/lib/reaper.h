/* An object that must not stay: System V objects outlive their processes. */
#ifndef REAPER_H
#define REAPER_H

#include "check.h"

static int object;

/* A process of its own session removes the object when this one is gone,
 * however it ends. */
static inline void remove_at_the_end(void (*remove)(int))
{
    int life[2];
    CHECK(pipe2(life, O_CLOEXEC) == 0);
    pid_t reaper = fork();
    CHECK(reaper >= 0);
    if (reaper > 0) {
        CHECK(close(life[0]) == 0);
        return;
    }
    char byte;
    setsid();
    close(0), close(1), close(2), close(life[1]);
    while (read(life[0], &byte, 1) == -1)
        continue;
    remove(object);
    _exit(0);
}

#endif
