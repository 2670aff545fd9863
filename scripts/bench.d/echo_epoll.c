/* An anchor, for c-tests/bench/echo_server: the same service as a loop around epoll, written
 * by hand, without threads. Runs until SIGTERM: epoll(7).
 *
 *     echo_epoll [DESCRIPTORS [PORT]]
 */
#include "bench.h"

#include <sys/epoll.h>

enum { BATCH = 256 };

static void watch(int epoll, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

static void admit(int epoll, int listener)
{
    int connection = accept4(listener, NULL, NULL, SOCK_NONBLOCK);

    if (connection < 0)
        return;
    send_at_once(connection);
    watch(epoll, connection);
}

/* A request is small and its answer awaited: it always fits the send buffer. */
static void echo(int connection)
{
    char buffer[4096];
    ssize_t count = recv(connection, buffer, sizeof buffer, 0);

    if (count > 0 && send(connection, buffer, (size_t)count, MSG_NOSIGNAL) == count)
        return;
    if (count < 0 && errno == EAGAIN)
        return;
    close(connection);
}

int main(int count, char **arguments)
{
    allow_descriptors(number_argument(count, arguments, 1, 1024));
    int listener = announced_listener(SOCK_STREAM | SOCK_NONBLOCK,
                                      (uint16_t)size_argument(count, arguments, 2));
    int epoll = epoll_create1(0);
    struct epoll_event events[BATCH];

    CHECK(epoll >= 0);
    watch(epoll, listener);
    for (;;) {
        int ready = epoll_wait(epoll, events, BATCH, -1);
        CHECK(ready >= 0 || errno == EINTR);
        for (int index = 0; index < ready; index++) {
            if (events[index].data.fd == listener)
                admit(epoll, listener);
            else
                echo(events[index].data.fd);
        }
    }
}
