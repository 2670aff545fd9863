/* How many bytes there are to read. */
#ifndef UNREAD_H
#define UNREAD_H

#include "verdict.h"
#include <sys/ioctl.h>

static inline int unread(int fd)
{
    int count;
    CHECK(ioctl(fd, FIONREAD, &count) == 0);
    return count;
}

#endif
