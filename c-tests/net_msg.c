/* A descriptor passed by SCM_RIGHTS is as good as any: a thread waits for it
 * in recvmsg(), then waits on it in read(), while others run: unix(7),
 * cmsg(3), recvmsg(2).
 */
#include "lib/rights.h"

static int receive_fd(int channel, int flags)
{
    int fd;
    receive_descriptors(channel, "fd", &fd, 1, flags);
    int on_exec = fcntl(fd, F_GETFD);
    CHECK(on_exec == (flags & MSG_CMSG_CLOEXEC ? FD_CLOEXEC : 0));
    return fd;
}

static void *use_received(void *argument)
{
    int channel = *(int *)argument;
    int fd = receive_fd(channel, MSG_CMSG_CLOEXEC);
    give(channel, 'r');
    CHECK(take(fd) == 'p');
    CHECK(close(fd) == 0);
    return NULL;
}

int main(void)
{
    int channel[2], ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, channel) == 0);

    for (int round = 0; round < 3; round++) {
        CHECK(pipe(ends) == 0);
        pthread_t thread = start(use_received, &channel[1]);
        others_run();
        send_descriptors(channel[0], "fd", &ends[0], 1);
        close(ends[0]);
        CHECK(take(channel[0]) == 'r');
        others_run();
        give(ends[1], 'p');
        join(thread);
        close(ends[1]);
    }
    puts("received pipe: waited on and read");

    /* The message says so when the descriptor did not fit. */
    CHECK(pipe(ends) == 0);
    send_descriptors(channel[0], "fd", &ends[0], 1);
    char text[4];
    struct iovec piece = { text, sizeof text };
    struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
    CHECK(recvmsg(channel[1], &message, 0) == 2);
    CHECK(message.msg_flags & MSG_CTRUNC);
    puts("no room for control data: MSG_CTRUNC");

    send_descriptors(channel[0], "fd", &ends[0], 1);
    int fd = receive_fd(channel[1], 0);
    give(ends[1], 'q');
    CHECK(take(fd) == 'q');
    puts("without MSG_CMSG_CLOEXEC: kept over exec");
    return 0;
}
