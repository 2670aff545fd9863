/* abort() unblocks SIGABRT, so that a handler runs, in the thread that aborts, although it
 * had the signal blocked; afterwards the process is killed by it: abort(3).
 */
#include "lib/check.h"
#include <sys/resource.h>

static pthread_t aborting;

static void handle(int number)
{
    CHECK(number == SIGABRT && pthread_equal(pthread_self(), aborting));
    CHECK(write(1, "  handler\n", 10) == 10);
}

static void *call_abort(void *unused)
{
    sigset_t set;
    sigemptyset(&set), sigaddset(&set, SIGABRT);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    aborting = pthread_self();
    abort();
    return unused;
}

int main(void)
{
    struct rlimit none = { 0, 0 };
    CHECK(setrlimit(RLIMIT_CORE, &none) == 0 && signal(SIGABRT, handle) != SIG_ERR);
    for (int in_thread = 0; in_thread < 2; in_thread++) {
        puts(in_thread ? "a thread" : "main");
        fflush(stdout);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            others_run();
            if (in_thread)
                join(start(call_abort, NULL));
            call_abort(NULL);
        }
        printf("  %s\n", child_end(child));
    }
    return 0;
}
