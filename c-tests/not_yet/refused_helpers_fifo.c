/* From some moment on the process may have no kernel thread more: EAGAIN, as at
 * RLIMIT_NPROC (all processes of a user share that) or a limit of a cgroup's. The threads
 * that exist go on: one waits for the peer of a FIFO, and others run meanwhile. clone(2),
 * getrlimit(2), fifo(7).
 */
#include "../lib/scarcity.h"

static char fifo[] = "/tmp/check-XXXXXX";

static void *by_fifo(void *unused)
{
    begin();
    int end = open(fifo, O_RDONLY);
    CHECK(end >= 0 && close(end) == 0);
    return unused;
}

static void release_fifo(void)
{
    int end = open(fifo, O_WRONLY);
    CHECK(end >= 0 && close(end) == 0);
}

static void the_fifo(void) { one_waits(by_fifo, no_more_threads, release_fifo); }

int main(void)
{
    CHECK(close(mkstemp(fifo)) == 0 && unlink(fifo) == 0 && mkfifo(fifo, 0600) == 0);
    alone("a FIFO", the_fifo);
    CHECK(unlink(fifo) == 0);
    return 0;
}
