/* A thread parked in an I/O call that is a cancellation point is cancelled
 * there, and what the call waited for is left to others:
 * pthread_cancel(3), pthreads(7).
 */
#include "lib/cancel_points.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/uio.h>

enum { LARGE = 16 << 20 };

static int empty[2], full[2], quiet[2], crowded[2];
static int listener, interest;
static struct sockaddr_in address;
static char large[LARGE], byte;
static struct iovec one = { &byte, 1 }, much = { large, LARGE };

static void in_read(void) { (void)!read(empty[0], &byte, 1); }
static void in_readv(void) { readv(empty[0], &one, 1); }
static void in_write(void) { (void)!write(full[1], large, LARGE); }
static void in_writev(void) { (void)!writev(full[1], &much, 1); }
static void in_recv(void) { recv(quiet[0], &byte, 1, 0); }
static void in_recvfrom(void) { recvfrom(quiet[0], &byte, 1, 0, NULL, NULL); }
static void in_send(void) { send(crowded[0], large, LARGE, 0); }
static void in_sendto(void) { sendto(crowded[0], large, LARGE, 0, NULL, 0); }
static void in_accept(void) { accept(listener, NULL, NULL); }
static void in_accept4(void) { accept4(listener, NULL, NULL, SOCK_CLOEXEC); }

static void in_recvmsg(void)
{
    struct msghdr message = { .msg_iov = &one, .msg_iovlen = 1 };
    recvmsg(quiet[0], &message, 0);
}

static void in_sendmsg(void)
{
    struct msghdr message = { .msg_iov = &much, .msg_iovlen = 1 };
    sendmsg(crowded[0], &message, 0);
}

static void in_poll(void)
{
    struct pollfd entry = { .fd = empty[0], .events = POLLIN };
    poll(&entry, 1, -1);
}

static void in_poll_of_nothing(void)
{
    poll(NULL, 0, -1);
}

static void in_ppoll(void)
{
    struct pollfd entry = { .fd = empty[0], .events = POLLIN };
    struct timespec hour = { 3600, 0 };
    ppoll(&entry, 1, &hour, NULL);
}

static void in_select(void)
{
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(empty[0], &readable);
    select(empty[0] + 1, &readable, NULL, NULL, NULL);
}

static void in_pselect(void)
{
    struct timespec hour = { 3600, 0 };
    pselect(0, NULL, NULL, NULL, &hour, NULL);
}

static void in_epoll_wait(void)
{
    struct epoll_event event;
    epoll_wait(interest, &event, 1, -1);
}

static void in_epoll_pwait(void)
{
    struct epoll_event event;
    epoll_pwait(interest, &event, 1, 3600 * 1000, NULL);
}

static const struct point points[] = {
    { "read", in_read },
    { "readv", in_readv },
    { "write", in_write },
    { "writev", in_writev },
    { "recv", in_recv },
    { "recvfrom", in_recvfrom },
    { "recvmsg", in_recvmsg },
    { "send", in_send },
    { "sendto", in_sendto },
    { "sendmsg", in_sendmsg },
    { "accept", in_accept },
    { "accept4", in_accept4 },
    { "poll", in_poll },
    { "poll of nothing", in_poll_of_nothing },
    { "ppoll", in_ppoll },
    { "select", in_select },
    { "pselect", in_pselect },
    { "epoll_wait", in_epoll_wait },
    { "epoll_pwait", in_epoll_pwait },
};

static void *read_byte(void *unused)
{
    CHECK(take(empty[0]) == 'x');
    return unused;
}

static void *accept_one(void *unused)
{
    int server = accept(listener, NULL, NULL);
    CHECK(server >= 0 && close(server) == 0);
    return unused;
}

int main(void)
{
    CHECK(pipe(empty) == 0 && pipe(full) == 0);
    tcp_pair(quiet), tcp_pair(crowded);
    listener = tcp_listener(&address);
    struct epoll_event event = { .events = EPOLLIN };
    CHECK((interest = epoll_create1(0)) >= 0);
    CHECK(epoll_ctl(interest, EPOLL_CTL_ADD, empty[0], &event) == 0);

    cancel_at_points(points, COUNT(points));

    pthread_t reader = start(read_byte, NULL);
    pthread_t server = start(accept_one, NULL);
    give(empty[1], 'x');
    close(tcp_connect(&address));
    join(reader), join(server);
    puts("the next reader and server got theirs");
    return 0;
}
