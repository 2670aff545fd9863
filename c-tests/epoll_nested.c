/* An epoll descriptor is ready when something in it is: waited on through
 * another epoll, through poll() and through select(): epoll(7).
 */
#include "lib/check.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

static int outer, inner, ends[2];

static void *by_epoll(void *unused)
{
    struct epoll_event event;
    CHECK(epoll_wait(outer, &event, 1, -1) == 1 && event.data.fd == inner);
    CHECK(epoll_wait(inner, &event, 1, 0) == 1 && event.data.fd == ends[0]);
    return unused;
}

static void *by_poll(void *unused)
{
    struct pollfd fd = { outer, POLLIN, 0 };
    CHECK(poll(&fd, 1, -1) == 1 && fd.revents == POLLIN);
    return unused;
}

static void *by_select(void *unused)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(inner, &set);
    CHECK(select(inner + 1, &set, NULL, NULL, NULL) == 1);
    return unused;
}

int main(void)
{
    thread_body *ways[] = { by_epoll, by_poll, by_select };
    const char *names[] = { "epoll", "poll", "select" };
    CHECK(pipe(ends) == 0);
    outer = epoll_create1(0), inner = epoll_create1(0);

    struct epoll_event event = { .events = EPOLLIN, .data.fd = inner };
    CHECK(epoll_ctl(outer, EPOLL_CTL_ADD, inner, &event) == 0);
    event.data.fd = ends[0];
    CHECK(epoll_ctl(inner, EPOLL_CTL_ADD, ends[0], &event) == 0);

    for (size_t i = 0; i < COUNT(ways); i++) {
        pthread_t thread = start(ways[i], NULL);
        others_run();
        give(ends[1], 'x');
        join(thread);
        CHECK(take(ends[0]) == 'x');
        printf("%s: woken through the inner set\n", names[i]);
    }
    event.data.fd = outer;
    FAILS(ELOOP, epoll_ctl(inner, EPOLL_CTL_ADD, outer, &event));
    return 0;
}
