/* shutdown(): half-closed connections still carry the other half; it wakes
 * threads that wait in recv() or, on a listener, in accept(), the usual way to
 * stop a server: shutdown(2), tcp(7).
 */
#include "lib/check.h"

static void *answer_after_end(void *argument)
{
    int fd = *(int *)argument;
    char text[8];
    CHECK(read_all(fd, text, sizeof text) == 3);
    CHECK(send(fd, "answer", 6, 0) == 6);
    close(fd);
    return NULL;
}

static void half_close(int ends[2])
{
    char text[8];
    pthread_t server = start(answer_after_end, &ends[1]);
    CHECK(send(ends[0], "ask", 3, 0) == 3);
    others_run();
    CHECK(shutdown(ends[0], SHUT_WR) == 0);
    FAILS(EPIPE, send(ends[0], "x", 1, MSG_NOSIGNAL));
    CHECK(read_all(ends[0], text, sizeof text) == 6);
    CHECK(memcmp(text, "answer", 6) == 0);
    join(server);
}

static void *wait_for_end(void *argument)
{
    char byte;
    CHECK(recv(*(int *)argument, &byte, 1, 0) == 0);
    return NULL;
}

static void wake_reader(int ends[2], int how)
{
    pthread_t reader = start(wait_for_end, &ends[0]);
    others_run();
    CHECK(shutdown(ends[0], how) == 0);
    join(reader);
}

static void *wait_for_client(void *argument)
{
    CHECK(accept(*(int *)argument, NULL, NULL) == -1 && errno == EINVAL);
    return NULL;
}

int main(void)
{
    int ends[2];
    tcp_pair(ends);
    half_close(ends);
    puts("tcp: half closed");
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    half_close(ends);
    puts("unix: half closed");

    tcp_pair(ends);
    wake_reader(ends, SHUT_RD);
    puts("tcp: SHUT_RD wakes the reader");
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    wake_reader(ends, SHUT_RDWR);
    puts("unix: SHUT_RDWR wakes the reader");

    struct sockaddr_in address;
    int listener = tcp_listener(&address);
    pthread_t servers[3];
    for (size_t i = 0; i < COUNT(servers); i++)
        servers[i] = start(wait_for_client, &listener);
    others_run();
    CHECK(shutdown(listener, SHUT_RDWR) == 0);
    for (size_t i = 0; i < COUNT(servers); i++)
        join(servers[i]);
    puts("listener: accept fails with EINVAL in every thread");
    return 0;
}
