/* Another process: tell(word) makes it call the test's own obey(word), and comes
 * back when that is done. The first tell() forks it; other_dies() kills it, and
 * the next tell() forks another.
 */
#ifndef OTHER_H
#define OTHER_H

#include "check.h"
#include <sys/prctl.h>

static void obey(char word);

static pid_t other;
static int wire[2];

static inline void tell(char word)
{
    if (other == 0) {
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, wire) == 0);
        CHECK((other = fork()) >= 0);
        if (other == 0) {
            CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
            for (;;) {
                obey(take(wire[1]));
                give(wire[1], 'k');
            }
        }
        CHECK(close(wire[1]) == 0);
    }
    give(wire[0], word);
    CHECK(take(wire[0]) == 'k');
}

static inline void other_dies(void *unused)
{
    (void)unused;
    if (other == 0)
        return;
    CHECK(kill(other, SIGKILL) == 0 && close(wire[0]) == 0);
    CHECK(strcmp(child_end(other), "killed by SIGKILL") == 0);
    other = 0;
}

#endif
