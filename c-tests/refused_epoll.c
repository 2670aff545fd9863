/* Epoll is refused with EPERM, the answer of most filters, after the first thread or to a
 * forked child: a thread that reads from a pipe or a socket waits, without the processor,
 * and the others run. (From epoll_ctl(2) itself EPERM means a file that is always ready.)
 *
 * test: env=GREEN_SLICE_MS=0
 * test: slow
 */
#include "lib/refuse.h"
#include <semaphore.h>

static int ends[2], pair[2];
static sem_t begun;

static void *read_one(void *fd)
{
    CHECK(sem_post(&begun) == 0);
    CHECK(take(*(int *)fd) == 'x');
    return fd;
}

static void wait_and_wake(void)
{
    const struct timespec moment = { 0, 300000000 };
    pthread_t first = start(read_one, &ends[0]), second = start(read_one, &pair[0]);
    CHECK(sem_wait(&begun) == 0 && sem_wait(&begun) == 0);
    others_run();
    double before = seconds(CLOCK_PROCESS_CPUTIME_ID);
    CHECK(nanosleep(&moment, NULL) == 0);
    printf("  waits without the processor: %d\n", seconds(CLOCK_PROCESS_CPUTIME_ID) - before < 0.2);
    give(ends[1], 'x');
    give(pair[1], 'x');
    join(first);
    join(second);
}

static void no_set_in_a_child(void)
{
    others_run();
    refuse(SYS_epoll_create1, EPERM);
    alone("  a child", wait_and_wake);
}

static void no_member(void)
{
    others_run();
    refuse(SYS_epoll_ctl, EPERM);
    wait_and_wake();
}

int main(void)
{
    CHECK(sem_init(&begun, 0, 0) == 0 && pipe(ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    alone("epoll_create1", no_set_in_a_child);
    alone("epoll_ctl", no_member);
    return 0;
}
