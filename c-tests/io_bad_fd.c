/* Wrong arguments are refused with the errno of the man pages, at once and
 * before anything is waited for: EBADF, ENOTSOCK, EINVAL, EFAULT and friends.
 */
#include "lib/check.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/uio.h>

static char buffer[16];
static struct iovec piece = { buffer, sizeof buffer };
static struct sockaddr_in nowhere = { .sin_family = AF_INET };
static socklen_t length = sizeof nowhere;
static volatile int closed;      /* a number that is not open */
static volatile int negative = -1;
static char *volatile nothing = (char *)8; /* an address that is not mapped */

static void bad_descriptor(int bad)
{
    struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
    struct mmsghdr messages = { .msg_hdr = message };
    struct epoll_event event = { .events = EPOLLIN };
    struct sockaddr *address = (struct sockaddr *)&nowhere;
    int number;

    FAILS(EBADF, read(bad, buffer, 1));
    FAILS(EBADF, read(bad, buffer, 0));
    FAILS(EBADF, write(bad, buffer, 1));
    FAILS(EBADF, write(bad, buffer, 0));
    FAILS(EBADF, readv(bad, &piece, 1));
    FAILS(EBADF, writev(bad, &piece, 1));
    FAILS(EBADF, pread(bad, buffer, 1, 0));
    FAILS(EBADF, pwrite(bad, buffer, 1, 0));
    FAILS(EBADF, preadv(bad, &piece, 1, 0));
    FAILS(EBADF, pwritev(bad, &piece, 1, 0));
    FAILS(EBADF, preadv2(bad, &piece, 1, -1, 0));
    FAILS(EBADF, pwritev2(bad, &piece, 1, -1, 0));
    FAILS(EBADF, lseek(bad, 0, SEEK_SET));
    FAILS(EBADF, close(bad));
    FAILS(EBADF, dup(bad));
    FAILS(EBADF, dup2(bad, 50));
    FAILS(EBADF, dup3(bad, 50, 0));
    FAILS(EBADF, fcntl(bad, F_GETFL));
    FAILS(EBADF, fcntl(bad, F_SETFL, O_NONBLOCK));
    FAILS(EBADF, fcntl(bad, F_DUPFD, 0));
    FAILS(EBADF, ioctl(bad, FIONREAD, &number));
    FAILS(EBADF, accept(bad, NULL, NULL));
    FAILS(EBADF, accept4(bad, NULL, NULL, 0));
    FAILS(EBADF, connect(bad, address, length));
    FAILS(EBADF, bind(bad, address, length));
    FAILS(EBADF, listen(bad, 1));
    FAILS(EBADF, shutdown(bad, SHUT_RD));
    FAILS(EBADF, send(bad, buffer, 1, 0));
    FAILS(EBADF, sendto(bad, buffer, 1, 0, address, length));
    FAILS(EBADF, sendmsg(bad, &message, 0));
    FAILS(EBADF, sendmmsg(bad, &messages, 1, 0));
    FAILS(EBADF, recv(bad, buffer, 1, 0));
    FAILS(EBADF, recvfrom(bad, buffer, 1, 0, address, &length));
    FAILS(EBADF, recvmsg(bad, &message, 0));
    FAILS(EBADF, recvmmsg(bad, &messages, 1, 0, NULL));
    FAILS(EBADF, epoll_ctl(bad, EPOLL_CTL_ADD, 0, &event));
    FAILS(EBADF, epoll_wait(bad, &event, 1, -1));
    FAILS(EBADF, fsync(bad));
}

static void wrong_kind(void)
{
    int ends[2];
    struct epoll_event event;
    CHECK(pipe(ends) == 0);

    FAILS(EBADF, read(ends[1], buffer, 1));
    FAILS(EBADF, write(ends[0], buffer, 1));
    FAILS(ENOTSOCK, accept(ends[0], NULL, NULL));
    FAILS(ENOTSOCK, recv(ends[0], buffer, 1, 0));
    FAILS(ENOTSOCK, send(ends[1], buffer, 1, 0));
    FAILS(ENOTSOCK, connect(ends[0], (struct sockaddr *)&nowhere, length));
    FAILS(ENOTSOCK, shutdown(ends[0], SHUT_RD));
    FAILS(EINVAL, epoll_wait(ends[0], &event, 1, -1));

    int directory = open("/", O_RDONLY);
    CHECK(directory >= 0);
    FAILS(EISDIR, read(directory, buffer, 1));

    int stream = socket(AF_INET, SOCK_STREAM, 0);
    int datagram = socket(AF_INET, SOCK_DGRAM, 0);
    FAILS(EINVAL, accept(stream, NULL, NULL));
    FAILS(EOPNOTSUPP, accept(datagram, NULL, NULL));
    FAILS(ENOTCONN, recv(stream, buffer, 1, 0));
    FAILS(EPIPE, send(stream, buffer, 1, MSG_NOSIGNAL));
    FAILS(EDESTADDRREQ, send(datagram, buffer, 1, 0));
    FAILS(ENOTCONN, shutdown(stream, SHUT_RD));
    int listener = tcp_listener(&nowhere);
    FAILS(ENOTCONN, recv(listener, buffer, 1, 0));
}

static void wrong_value(void)
{
    int ends[2], pair[2];
    struct epoll_event event;
    struct timespec past = { -1, 0 };
    struct timeval minus = { -1, 0 };
    fd_set set;
    CHECK(pipe(ends) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    int epoll = epoll_create1(0);

    FAILS(EINVAL, readv(ends[0], &piece, negative));
    FAILS(EINVAL, lseek(temporary_file(0), 0, 99));
    FAILS(EINVAL, pipe2(ends, 1));
    FAILS(EINVAL, dup3(ends[0], ends[0], 0));
    FAILS(EINVAL, fcntl(ends[0], F_DUPFD, negative));
    FAILS(EINVAL, accept4(pair[0], NULL, NULL, 1));
    FAILS(EINVAL, epoll_wait(epoll, &event, 0, -1));
    FAILS(EINVAL, select(negative, NULL, NULL, NULL, NULL));
    FAILS(EINVAL, select(0, NULL, NULL, NULL, &minus));
    FAILS(EINVAL, pselect(0, NULL, NULL, NULL, &past, NULL));
    FAILS(EINVAL, ppoll(NULL, 0, &past, NULL));
    FAILS(EINVAL, nanosleep(&past, NULL));
    FAILS(EINVAL, shutdown(pair[0], 99));

    closed = dup(pair[0]);
    close(closed);
    FD_ZERO(&set);
    FD_SET(closed, &set);
    FAILS(EBADF, select(closed + 1, &set, NULL, NULL, NULL));
}

static void wrong_address(void)
{
    int ends[2], pair[2];
    CHECK(pipe(ends) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    give(ends[1], 'x');
    give(pair[1], 'x');

    FAILS(EFAULT, write(ends[1], nothing, 1));
    FAILS(EFAULT, read(ends[0], nothing, 1));
    FAILS(EFAULT, send(pair[0], nothing, 1, 0));
    FAILS(EFAULT, recv(pair[0], nothing, 1, 0));
    FAILS(EFAULT, pipe((int *)nothing));
}

static void *all(void *unused)
{
    (void)unused;
    int ends[2];
    CHECK(pipe(ends) == 0);
    close(ends[0]), close(ends[1]);
    closed = ends[1];
    bad_descriptor(-1);
    bad_descriptor(closed);
    bad_descriptor(INT_MAX);
    wrong_kind();
    wrong_value();
    wrong_address();
    return NULL;
}

int main(void)
{
    all(NULL);
    puts("-- the same in a thread");
    join(start(all, NULL));
    return 0;
}
