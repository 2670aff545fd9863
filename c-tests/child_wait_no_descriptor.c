/*
 * child_wait_no_descriptor: a thread waits for a child while the process has no
 * descriptor left; waitpid and waitid need none.
 * Follows wait(2), whose errors do not know EMFILE, and getrlimit(2).
 */
#include "lib/check.h"

#include <sys/resource.h>

static int gate[2];

static pid_t make_child(int status)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        char byte;
        close(gate[1]);
        CHECK(read(gate[0], &byte, 1) == 0);
        _exit(status);
    }
    return child;
}

/* Uses up what is left; the limit is low, so that it is soon done. */
static void exhaust(void)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = 50;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    while (dup(gate[0]) >= 0)
        ;
    CHECK(errno == EMFILE);
}

static void *open_gate(void *unused)
{
    CHECK(close(gate[1]) == 0);
    /* What has become free is used up again. */
    CHECK(dup(gate[0]) >= 0);
    return unused;
}

static void *wait_for_both(void *children)
{
    const pid_t *child = children;
    int status;
    pid_t found = waitpid(child[0], &status, 0);
    printf("waitpid: %s\n", found == child[0] ? "the child" : errno_name(errno));
    if (found == child[0])
        printf("it exited with %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);

    siginfo_t info;
    int result = waitid(P_PID, (id_t)child[1], &info, WEXITED);
    printf("waitid: %s\n", result == 0 ? "0" : errno_name(errno));
    if (result == 0)
        printf("it exited with %d\n", info.si_code == CLD_EXITED ? info.si_status : -1);
    return NULL;
}

static void *do_nothing(void *unused)
{
    return unused;
}

int main(void)
{
    pid_t children[2];

    /* Threads have begun when the descriptors run out. */
    join(start(do_nothing, NULL));
    CHECK(pipe(gate) == 0);
    children[0] = make_child(3);
    children[1] = make_child(4);
    exhaust();
    pthread_t waiter = start(wait_for_both, children);
    join(start(open_gate, NULL));
    join(waiter);
    return 0;
}
