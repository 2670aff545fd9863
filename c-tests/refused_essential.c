/* A filter refuses what green threads are made of, before the first thread: the program
 * runs all the same, natively, or as ever. After the first thread it makes no difference:
 * the set is there. In a forked child there is none yet: its threads wait and are woken
 * all the same. epoll_create(2), epoll_ctl(2), eventfd(2), arch_prctl(2), seccomp(2).
 *
 * test: libgreen-line
 */
#include "lib/refuse.h"
#include <poll.h>

static const struct refusal refusals[] = {
    { .call = SYS_epoll_create1, .error = ENOSYS }, { .call = SYS_epoll_create1, .error = EMFILE },
    { .call = SYS_epoll_create1, .error = ENOMEM }, { .call = SYS_epoll_ctl, .error = ENOSPC },
    { .call = SYS_epoll_ctl, .error = ENOMEM },     { .call = SYS_eventfd2, .error = ENFILE },
    { .call = SYS_eventfd2, .error = ENOSYS },      { .call = SYS_arch_prctl, .error = EPERM },
    { SYS_madvise, EINVAL, HAS_VALUE, 3, 102 },     { SYS_mprotect, ENOMEM, HAS_VALUE, 3, 7 },
    { SYS_mmap, ENOMEM, IS_AS_BIG, 2, 64 << 20 },   { .call = SYS_get_robust_list, .error = ENOSYS },
};

static const struct refusal *refused;
static int ends[2], pair[2];

static void *read_one(void *unused)
{
    CHECK(take(ends[0]) == 'x');
    return unused;
}

static void *poll_one(void *unused)
{
    struct pollfd both[] = { { pair[0], POLLIN, 0 }, { 0, 0, 0 } };
    CHECK(poll(both, 1, -1) == 1 && take(pair[0]) == 'y');
    return unused;
}

static void wait_and_wake(void)
{
    pthread_t reader = start(read_one, NULL), poller = start(poll_one, NULL);
    others_run();
    CHECK(usleep(1000) == 0);
    give(ends[1], 'x');
    give(pair[1], 'y');
    join(reader);
    join(poller);
}

static void before(void) { refuse_all(refused, 1), wait_and_wake(); }
static void after(void) { wait_and_wake(), refuse_all(refused, 1), wait_and_wake(); }

static void in_a_child(void)
{
    wait_and_wake();
    refuse_all(refused, 1);
    alone("    itself", wait_and_wake);
}

int main(void)
{
    CHECK(pipe(ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    for (size_t i = 0; i < COUNT(refusals); i++) {
        refused = &refusals[i];
        printf("call %d: %s\n", refused->call, errno_name(refused->error));
        alone("  before", before);
        alone("  after", after);
        alone("  in a child", in_a_child);
    }
    return 0;
}
