/* A blocking connect() to a port where nobody listens fails with ECONNREFUSED
 * in every thread, and the socket can be used again: connect(2), tcp(7).
 */
#include "lib/check.h"

enum { THREADS = 10 };

static struct sockaddr_in closed_port;

static void *connect_twice(void *argument)
{
    const struct sockaddr_in *open_port = argument;
    int fd = socket(AF_INET, SOCK_STREAM, 0), error = -1;
    socklen_t length = sizeof error;
    CHECK(fd >= 0);
    CHECK(connect(fd, (struct sockaddr *)&closed_port, sizeof closed_port) == -1);
    CHECK(errno == ECONNREFUSED);
    CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0);
    CHECK(error == 0);
    CHECK(connect(fd, (const struct sockaddr *)open_port, sizeof *open_port) == 0);
    close(fd);
    return NULL;
}

int main(void)
{
    /* Bound, so that nobody else gets the port, but not listening. */
    socklen_t length = sizeof closed_port;
    int bound = socket(AF_INET, SOCK_STREAM, 0);
    closed_port.sin_family = AF_INET;
    closed_port.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(bound, (struct sockaddr *)&closed_port, length) == 0);
    CHECK(getsockname(bound, (struct sockaddr *)&closed_port, &length) == 0);

    struct sockaddr_in open_port;
    pthread_t threads[THREADS];
    tcp_listener(&open_port);
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(connect_twice, &open_port);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    printf("%d threads: refused, then connected\n", THREADS);

    int datagram = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(connect(datagram, (struct sockaddr *)&closed_port, length) == 0);
    CHECK(send(datagram, "x", 1, 0) == 1);
    char byte;
    FAILS(ECONNREFUSED, recv(datagram, &byte, 1, 0));
    return 0;
}
