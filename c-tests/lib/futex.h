/* The futex system call, as a program of its own accord makes it: futex(2). */
#ifndef FUTEX_H
#define FUTEX_H

#include "verdict.h"
#include <linux/futex.h>
#include <sys/syscall.h>

typedef unsigned word;

static inline long futex(void *at, int operation, word value, const void *time_or_count,
                         void *other, word extra)
{
    return syscall(SYS_futex, at, operation, value, time_or_count, other, extra);
}

static inline long wake(word *at, int count)
{
    return futex(at, FUTEX_WAKE_PRIVATE, (word)count, NULL, NULL, 0);
}

#endif
