/* The only thread of a child has the number of its process, whichever thread forked, so
 * that programs that compare the two know it as the main thread, and signals by that number
 * reach it: gettid(2), fork(2), tgkill(2).
 */
#include "lib/check.h"
#include <sys/syscall.h>

static volatile sig_atomic_t handled;

static void handle(int number)
{
    (void)number;
    handled++;
}

static void *fork_here(void *unused)
{
    fflush(stdout);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        printf("gettid %s, syscall %s, ", gettid() == getpid() ? "right" : "wrong",
               syscall(SYS_gettid) == getpid() ? "right" : "wrong");
        printf("tgkill: %s, ", tgkill(getpid(), getpid(), SIGUSR1) == 0 ? "0" : errno_name(errno));
        printf("handled: %d\n", handled);
        exit(0);
    }
    CHECK(strcmp(child_end(child), "exit 0") == 0);
    return unused;
}

int main(void)
{
    CHECK(signal(SIGUSR1, handle) != SIG_ERR);
    join(start(fork_here, NULL));
    fork_here(NULL);
    return 0;
}
