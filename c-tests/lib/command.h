/* A shell command that says that it is there and waits for a word: "echo x >&9; read word <&8".
 * system(3), popen(3), wordexp(3).
 *
 *   open_command_pipes();
 *   beside("system", run, at_command, let_go, NULL);
 *   tell("system", status);
 */
#ifndef COMMAND_H
#define COMMAND_H

#include "check.h"

enum { GO = 8, AT_IT = 9 };

static int go[2], at_it[2];

static inline void open_command_pipes(void)
{
    CHECK(pipe2(go, O_CLOEXEC) == 0 && dup2(go[0], GO) == GO);
    CHECK(pipe2(at_it, O_CLOEXEC) == 0 && dup2(at_it[1], AT_IT) == AT_IT);
}

static inline void at_command(void *unused)
{
    (void)unused;
    CHECK(take(at_it[0]) == 'x' && take(at_it[0]) == '\n');
}

static inline void let_go(void *unused)
{
    (void)unused;
    CHECK(write(go[1], "go\n", 3) == 3);
}

/* -1: with errno. */
static inline void tell(const char *what, int status)
{
    if (status == -1)
        printf("%s: -1, %s\n", what, errno_name(errno));
    else
        printf("%s: %s\n", what, how_it_ended(status));
}

#endif
