/* A child, in a process group of its own, that ends when the gate opens, and a thread that
 * says that it will wait for it now. wait(2).
 *
 *   make_gate();                  once
 *   make_child(3);                `child` will end with this status
 *   announce();                   in the thread that waits, before its call
 *   announced(NULL);              comes back when it waits
 *   open_gate(NULL);
 *   tell("wait", result, &status);
 */
#ifndef GATED_CHILD_H
#define GATED_CHILD_H

#include "check.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static int gate[2], at_it[2];
static pid_t child;

static inline void make_gate(void)
{
    CHECK(pipe(gate) == 0 && pipe(at_it) == 0);
}

static inline void make_child(int status)
{
    char token;
    CHECK((child = fork()) >= 0);
    if (child == 0)
        _exit(read(gate[0], &token, 1) == 1 ? status : 99);
    CHECK(setpgid(child, child) == 0);
}

static inline void announce(void)
{
    give(at_it[1], 'x');
}

static inline void announced(void *unused)
{
    (void)unused;
    CHECK(take(at_it[0]) == 'x');
    others_run();
}

static inline void open_gate(void *unused)
{
    (void)unused;
    give(gate[1], 'x');
}

static inline void tell(const char *what, pid_t found, const int *status)
{
    if (found == -1)
        printf("%s: -1, %s\n", what, errno_name(errno));
    else
        printf("%s: %s, exit %d\n", what, found == child ? "this child" : "another",
               WEXITSTATUS(*status));
}

#endif
