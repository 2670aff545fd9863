/* A session with a pseudoterminal of its own, `slave`, whose other side is `master`; its leader
 * is a child of the test's. pty(7), setsid(2), tcsetpgrp(3).
 *
 *   static void lead(void) { ...in the leader: jobs in the background and before... }
 *
 *   int main(void) { return have_led("the leader", lead); }
 */
#ifndef SESSION_H
#define SESSION_H

#include "check.h"
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <termios.h>

static int master, slave;

/* Prints how the leader ended; answers the test's exit status. */
static inline int have_led(const char *name, void (*lead)(void))
{
    CHECK(openpty(&master, &slave, NULL, NULL, NULL) == 0);
    CHECK(setvbuf(stdout, NULL, _IOLBF, 0) == 0);
    pid_t leader = fork();
    CHECK(leader >= 0);
    if (leader == 0) {
        CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
        CHECK(setsid() > 0 && ioctl(slave, TIOCSCTTY, 0) == 0);
        lead();
        CHECK(fflush(stdout) == 0);
        _exit(0);
    }
    const char *end = child_end(leader);
    printf("%s: %s\n", name, end);
    return strcmp(end, "exit 0") != 0;
}

/* In the leader: the job, a process group of its own, stops, and then has the terminal. */
static inline void fetch_stopped(pid_t job)
{
    int status;
    CHECK(waitpid(job, &status, WUNTRACED) == job && WIFSTOPPED(status));
    printf("stopped by SIG%s\n", sigabbrev_np(WSTOPSIG(status)));
    CHECK(tcsetpgrp(slave, job) == 0 && kill(job, SIGCONT) == 0);
}

#endif
