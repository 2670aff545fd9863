/* Threads that poll the same descriptor all wake when it is ready, and a
 * reader besides them takes nothing from them but the bytes: poll(2).
 */
#include "lib/check.h"
#include <poll.h>
#include <sys/select.h>

static int ends[2];

static void *wait_by_poll(void *unused)
{
    struct pollfd fd = { ends[0], POLLIN, 0 };
    CHECK(poll(&fd, 1, -1) == 1 && fd.revents == POLLIN);
    return unused;
}

static void *wait_by_select(void *unused)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    CHECK(select(ends[0] + 1, &set, NULL, NULL, NULL) == 1);
    CHECK(FD_ISSET(ends[0], &set));
    return unused;
}

/* The other direction of the same socket, at the same time. */
static void *wait_for_room(void *unused)
{
    struct pollfd fd = { ends[0], POLLOUT, 0 };
    CHECK(poll(&fd, 1, -1) == 1 && fd.revents == POLLOUT);
    return unused;
}

int main(void)
{
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    for (int round = 0; round < 3; round++) {
        pthread_t waiters[] = {
            start(wait_by_poll, NULL), start(wait_by_poll, NULL),
            start(wait_by_select, NULL), start(wait_by_select, NULL),
        };
        join(start(wait_for_room, NULL));
        others_run();
        give(ends[1], 'x');
        for (size_t i = 0; i < COUNT(waiters); i++)
            join(waiters[i]);
        CHECK(take(ends[0]) == 'x');
    }
    puts("four waiters on one descriptor, all woken, three times");
    return 0;
}
