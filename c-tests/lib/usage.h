/* What this process uses: memory and descriptors. */
#ifndef USAGE_H
#define USAGE_H

#include "verdict.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>

struct memory {
    unsigned long address_space, resident;     /* bytes */
};

/* proc_pid_statm(5). No stdio: there may be no room for its buffer. */
static inline struct memory memory_used(void)
{
    char text[64] = "", *rest;
    unsigned long page = (unsigned long)sysconf(_SC_PAGESIZE);
    int file = open("/proc/self/statm", O_RDONLY);
    CHECK(file >= 0 && read(file, text, sizeof text - 1) > 0 && close(file) == 0);
    unsigned long address_space = strtoul(text, &rest, 10) * page;
    return (struct memory){ address_space, strtoul(rest, NULL, 10) * page };
}

static inline long resident_kib(void)
{
    return (long)(memory_used().resident >> 10);
}

/* Its own, which it takes to count them, is among them. */
static inline int descriptors(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    CHECK(directory);
    while (readdir(directory))
        count++;
    CHECK(closedir(directory) == 0);
    return count - 2;   /* "." and ".." */
}

#endif
