/* A child of fork blocks what the thread that made it blocked, from its first instruction on: the parent's handler does
 * not run in it before the child has removed it, while the whole process group is flooded with the signal, which
 * another thread of the parent takes.
 *
 * Follows fork(2), signal(7), kill(2). */
#include "lib/flood.h"

enum { CHILDREN = 100 };
static volatile sig_atomic_t handled_in;

static void on_signal(int number)
{
    (void)number;
    handled_in = getpid();
}

static void *take_signals(void *pipe)
{
    char end;
    CHECK(read(*(int *)pipe, &end, 1) == 0);
    return NULL;
}

int main(void)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    sigset_t all, before;
    int wrong = 0, ends[2];
    CHECK(setpgid(0, 0) == 0 || getpgrp() == getpid());
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(pipe(ends) == 0);
    pthread_t taker = start(take_signals, ends);
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    pid_t flooding = start_flood((struct flood){ .number = SIGUSR1 });   /* to all of us */
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            action.sa_handler = SIG_IGN;
            sigaction(SIGUSR1, &action, NULL);
            pthread_sigmask(SIG_SETMASK, &before, NULL);
            _exit(handled_in == getpid());
        }
        CHECK(waitpid(pid, &status, 0) == pid);
        wrong += status != 0;
    }
    end_flood(flooding);
    CHECK(handled_in == getpid());
    CHECK(close(ends[1]) == 0);
    join(taker);
    printf("%d of %d children ran the parent's handler\n", wrong, CHILDREN);
    return wrong != 0;
}
