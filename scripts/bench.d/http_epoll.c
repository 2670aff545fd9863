/* An anchor, for c-tests/bench/http_server: the same service as a loop around epoll,
 * written by hand, without threads. Runs until SIGTERM: epoll(7).
 *
 *     http_epoll [DESCRIPTORS [PORT]]
 */
#include "http.h"

#include <sys/epoll.h>

enum { BATCH = 256 };

static void admit(int epoll, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);

    if (fd < 0)
        return;
    struct http_connection *connection = calloc(1, sizeof *connection);
    CHECK(connection);
    connection->fd = fd;
    send_at_once(fd);
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

/* An answer is small and awaited: it always fits the send buffer. */
static void serve(struct http_connection *connection)
{
    ssize_t count = recv(connection->fd, connection->request + connection->filled,
                         sizeof connection->request - connection->filled, 0);

    if (count > 0 && http_answer(connection, (size_t)count))
        return;
    if (count < 0 && errno == EAGAIN)
        return;
    close(connection->fd);
    free(connection);
}

int main(int count, char **arguments)
{
    http_prepare();
    allow_descriptors(number_argument(count, arguments, 1, 1024));
    int listener = announced_listener(SOCK_STREAM | SOCK_NONBLOCK,
                                      (uint16_t)size_argument(count, arguments, 2));
    int epoll = epoll_create1(0);
    struct epoll_event events[BATCH], event = { .events = EPOLLIN };

    CHECK(epoll >= 0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) == 0);
    for (;;) {
        int ready = epoll_wait(epoll, events, BATCH, -1);
        CHECK(ready >= 0 || errno == EINTR);
        for (int index = 0; index < ready; index++) {
            if (events[index].data.ptr == NULL)
                admit(epoll, listener);
            else
                serve(events[index].data.ptr);
        }
    }
}
