/* A process that does nothing but send a signal, as fast as it can, until it is killed or
 * its parent has ended. kill(2), prctl(2) (PR_SET_PDEATHSIG).
 *
 *   pid_t flooding = start_flood((struct flood){ .to = getpid(), .number = SIGUSR1 });
 *   end_flood(flooding);        its end, "killed by SIGKILL"
 */
#ifndef FLOOD_H
#define FLOOD_H

#include "check.h"
#include <sched.h>
#include <sys/prctl.h>

struct flood {
    pid_t to;               /* as kill() takes it; 0: the sender's process group */
    int number;
    int yields;             /* after each signal */
    const int *go;          /* shared; it begins when this is not 0. NULL: at once */
};

static inline pid_t start_flood(struct flood flood)
{
    pid_t parent = getpid(), sender = fork();
    CHECK(sender >= 0);
    if (sender > 0)
        return sender;
    CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent);
    while (flood.go && !__atomic_load_n(flood.go, __ATOMIC_SEQ_CST))
        sched_yield();
    while (kill(flood.to, flood.number) == 0)
        if (flood.yields)
            sched_yield();
    _exit(0);
}

static inline const char *end_flood(pid_t sender)
{
    CHECK(kill(sender, SIGKILL) == 0);
    return child_end(sender);
}

#endif
