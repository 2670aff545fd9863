/* A file to lock, `file`, and how to see in /proc/locks that somebody waits for a
 * lock on it.
 */
#ifndef LOCKED_H
#define LOCKED_H

#include "check.h"
#include <sched.h>

static int file;

/* Another description of the same file. */
static inline int description(void)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    int descriptor = open(path, O_RDWR);
    CHECK(descriptor >= 0);
    return descriptor;
}

static inline int waiters(void)
{
    struct stat facts;
    char line[4096], inode[40];
    int count = 0;
    CHECK(fstat(file, &facts) == 0);
    snprintf(inode, sizeof inode, ":%lu ", (unsigned long)facts.st_ino);
    FILE *locks = fopen("/proc/locks", "r");
    CHECK(locks);
    while (fgets(line, sizeof line, locks))
        count += strstr(line, "->") && strstr(line, inode);
    fclose(locks);
    return count;
}

static inline void is_waiting(void *unused)
{
    (void)unused;
    while (waiters() == 0)
        sched_yield();
}

#endif
