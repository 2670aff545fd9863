/* Waits for children that do not end well: signal handlers with and without
 * SA_RESTART, cancellation, which leaves the child, and errors: wait(2),
 * waitid(2), wait4(2), pthreads(7).
 */
#include "lib/gated_child.h"

static volatile sig_atomic_t handled;

static void handle(int signal)
{
    (void)signal;
    handled = 1;
}

static void *interrupted(void *how)
{
    int status = 0, any = how != NULL;
    announce();
    tell(any ? "wait, interrupted" : "waitpid, interrupted", waitpid(any ? -1 : child, &status, 0),
         &status);
    return how;
}

/* With SA_RESTART the wait goes on. Without, one signal may come before it begins:
 * again and again, until the thread has ended. */
static void interrupt(int flags, void *how)
{
    struct sigaction action = { .sa_handler = handle, .sa_flags = flags };
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    make_child(2);
    handled = 0;
    pthread_t thread = start(interrupted, how);
    announced(NULL);
    do {
        CHECK(pthread_kill(thread, SIGUSR1) == 0);
        others_run();
    } while (flags ? !handled : pthread_tryjoin_np(thread, NULL) == EBUSY);
    open_gate(NULL);
    if (flags)
        join(thread);
    else
        CHECK(waitpid(child, NULL, 0) == child);
}

static void *cancelled(void *unused)
{
    announce();
    wait4(child, NULL, 0, NULL);
    CHECK(!"cancelled");
    return unused;
}

static void *errors(void *unused)
{
    siginfo_t info;
    FAILS(ECHILD, wait(NULL));
    FAILS(ECHILD, waitpid(1, NULL, 0));
    FAILS(ECHILD, waitpid(-getpid(), NULL, WNOHANG));
    FAILS(ECHILD, wait3(NULL, WNOHANG, NULL));
    FAILS(EINVAL, wait4(-1, NULL, 0x40000, NULL));
    FAILS(ECHILD, waitid(P_ALL, 0, &info, WEXITED));
    FAILS(EINVAL, waitid(P_ALL, 0, &info, WNOHANG));
    FAILS(EINVAL, waitid(99, 0, &info, WEXITED));
    FAILS(EBADF, waitid(P_PIDFD, 999, &info, WEXITED));
    FAILS(ESRCH, waitpid(INT_MIN, NULL, 0));
    return unused;
}

int main(void)
{
    int status;
    make_gate();
    interrupt(0, NULL);
    interrupt(SA_RESTART, NULL);
    interrupt(0, gate);
    interrupt(SA_RESTART, gate);

    make_child(9);
    pthread_t thread = start(cancelled, NULL);
    announced(NULL);
    CHECK(pthread_cancel(thread) == 0 && join(thread) == PTHREAD_CANCELED);
    open_gate(NULL);
    tell("after a cancelled wait4", waitpid(child, &status, 0), &status);
    join(start(errors, NULL));
    return 0;
}
