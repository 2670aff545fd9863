/* statx(2) is refused, as by the filters of older containers and by kernels that
 * lack it: a read on a pipe, a socket or an accepted connection still stops its
 * thread alone, in the process and in a forked child. stat(2) by name does not
 * notice. statx(2), pipe(7), seccomp(2).
 */
#include "lib/refuse.h"
#include <semaphore.h>

static sem_t begun;
static int pipe_ends[2], pair[2];

static void *read_one(void *fd)
{
    CHECK(sem_post(&begun) == 0);
    CHECK(take(*(int *)fd) == 'x');
    return fd;
}

static void one_waits(const char *name, int from, int to)
{
    pthread_t reader = start(read_one, &from);
    CHECK(sem_wait(&begun) == 0);
    others_run();
    give(to, 'x');
    CHECK(join(reader) == &from);
    printf("  %s: read, others ran\n", name);
}

static void all_wait(void)
{
    struct stat status;
    int tcp[2];
    one_waits("a pipe made before", pipe_ends[0], pipe_ends[1]);
    one_waits("a socket made before", pair[0], pair[1]);
    tcp_pair(tcp);
    one_waits("a connection", tcp[0], tcp[1]);
    CHECK(stat("/", &status) == 0 && S_ISDIR(status.st_mode));
    printf("  stat: a directory\n");
}

static void refuse_it(int error)
{
    refuse(SYS_statx, error);
}

static void enosys_before(void) { refuse_it(ENOSYS), all_wait(); }
static void eperm_before(void) { refuse_it(EPERM), all_wait(); }

static void eperm_after(void)
{
    others_run();
    refuse_it(EPERM);
    all_wait();
}

static void in_a_child(void)
{
    others_run();
    refuse_it(ENOSYS);
    alone("  the child", all_wait);
}

int main(void)
{
    CHECK(sem_init(&begun, 0, 0) == 0 && pipe(pipe_ends) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    alone("ENOSYS before the first thread", enosys_before);
    alone("EPERM before the first thread", eperm_before);
    alone("EPERM after it", eperm_after);
    alone("in a child", in_a_child);
    return 0;
}
