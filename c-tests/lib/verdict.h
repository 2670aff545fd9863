/* A result that is wrong ends the test with status 1.
 *
 *   CHECK(condition)        must hold
 *   errno_name(error)       "EBUSY" for EBUSY, "0" for success
 *
 * It asks glibc for all it offers, so it comes before any other header.
 */
#ifndef VERDICT_H
#define VERDICT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static inline const char *errno_name(int error)
{
    const char *name = error == 0 ? "0" : strerrorname_np(error);
    return name ? name : "unknown";
}

/* No stdio buffer and no exit handler is touched: the failing thread may be
 * anywhere. */
__attribute__((noreturn, unused))
static void check_failed(const char *file, int line, const char *what)
{
    dprintf(2, "%s:%d: failed: %s (errno %s)\n", file, line, what,
            errno_name(errno));
    _exit(1);
}

#define CHECK(condition)                                        \
    do {                                                        \
        if (!(condition))                                       \
            check_failed(__FILE__, __LINE__, #condition);       \
    } while (0)

#endif
