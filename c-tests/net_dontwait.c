/* MSG_DONTWAIT makes one call on a blocking socket non-blocking, and leaves
 * the next one blocking: recv(2), send(2).
 */
#include "lib/check.h"

static void *receive_late(void *argument)
{
    char byte;
    CHECK(recv(*(int *)argument, &byte, 1, 0) == 1 && byte == 'x');
    return NULL;
}

static void *take_rest(void *argument)
{
    static char data[1 << 16];
    ssize_t count;
    while ((count = recv(*(int *)argument, data, sizeof data, 0)) > 0)
        ;
    CHECK(count == 0);
    return NULL;
}

static void exercise(int ends[2])
{
    static char data[1 << 20];
    struct iovec piece = { data, sizeof data };
    struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };

    FAILS(EAGAIN, recv(ends[1], data, 1, MSG_DONTWAIT));
    FAILS(EAGAIN, recvfrom(ends[1], data, 1, MSG_DONTWAIT, NULL, NULL));
    FAILS(EAGAIN, recvmsg(ends[1], &message, MSG_DONTWAIT));
    FAILS(EAGAIN, recv(ends[1], data, 9, MSG_DONTWAIT | MSG_WAITALL));
    CHECK(fcntl(ends[1], F_GETFL) == O_RDWR);

    pthread_t thread = start(receive_late, &ends[1]);
    others_run();
    CHECK(send(ends[0], "x", 1, MSG_DONTWAIT) == 1);
    join(thread);

    ssize_t count, part = 0;
    while ((count = send(ends[0], data, sizeof data, MSG_DONTWAIT)) > 0)
        part += count;
    CHECK(count == -1 && errno == EAGAIN && part > 0);
    thread = start(take_rest, &ends[1]);
    CHECK(send(ends[0], data, sizeof data, 0) == sizeof data);
    shutdown(ends[0], SHUT_WR);
    join(thread);
    puts("full: part, EAGAIN; then a blocking send of all");
}

int main(void)
{
    int ends[2];
    puts("tcp");
    tcp_pair(ends);
    exercise(ends);
    puts("unix");
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    exercise(ends);
    return 0;
}
