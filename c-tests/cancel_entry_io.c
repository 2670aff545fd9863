/* A cancellation that came before: calls for pipes, sockets and readiness act on
 * it at their entry, though they would not have to wait, and before they take,
 * send or accept anything. Some calls are no cancellation points, and go on:
 * pthreads(7), "Cancellation points".
 */
#include "lib/cancel_entry.h"
#include "lib/unread.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/uio.h>

static int tube[2], stream[2], datagrams[2], listener, client, interest, event, file;
static struct sockaddr_in address;
static char byte = 'x';
static struct iovec one = { &byte, 1 };
static struct msghdr message = { .msg_iov = &one, .msg_iovlen = 1 };
static struct mmsghdr messages = { .msg_hdr = { .msg_iov = &one, .msg_iovlen = 1 } };
static struct timespec nothing;
static struct pollfd polled;

static void do_readv(void) { readv(tube[0], &one, 1); }
static void do_writev(void) { writev(tube[1], &one, 1); }
static void do_preadv2(void) { preadv2(tube[0], &one, 1, -1, 0); }
static void do_pwritev2(void) { pwritev2(tube[1], &one, 1, -1, 0); }
static void do_pread(void) { (void)!pread(file, &byte, 1, 0); }
static void do_preadv(void) { preadv(file, &one, 1, 0); }
static void do_pwritev(void) { pwritev(file, &one, 1, 0); }
static void do_recvfrom(void) { recvfrom(stream[0], &byte, 1, 0, NULL, NULL); }
static void do_recvmsg(void) { recvmsg(stream[0], &message, 0); }
static void do_recvmmsg(void) { recvmmsg(datagrams[0], &messages, 1, 0, NULL); }
static void do_sendto(void) { sendto(stream[0], &byte, 1, 0, NULL, 0); }
static void do_sendmsg(void) { sendmsg(stream[0], &message, 0); }
static void do_sendmmsg(void) { sendmmsg(datagrams[0], &messages, 1, 0); }
static void do_accept(void) { close(accept(listener, NULL, NULL)); }
static void do_accept4(void) { close(accept4(listener, NULL, NULL, 0)); }
static void do_connect(void) { connect(client, (struct sockaddr *)&address, sizeof address); }
static void do_ppoll(void) { ppoll(&polled, 1, &nothing, NULL); }
static void do_select(void) { select(0, NULL, NULL, NULL, &(struct timeval){ 0, 0 }); }
static void do_pselect(void) { pselect(0, NULL, NULL, NULL, &nothing, NULL); }
static void do_epoll_wait(void) { epoll_wait(interest, &(struct epoll_event){ 0 }, 1, 0); }
static void do_epoll_pwait(void) { epoll_pwait(interest, &(struct epoll_event){ 0 }, 1, 0, NULL); }
static void do_epoll_pwait2(void) { epoll_pwait2(interest, &(struct epoll_event){ 0 }, 1, &nothing, NULL); }
static void do_eventfd_read(void) { eventfd_read(event, &(eventfd_t){ 0 }); }
static void do_eventfd_write(void) { eventfd_write(event, 1); }

static void do_pipe(void) { CHECK(pipe((int[2]){ 0 }) == 0); }
static void do_socket(void) { CHECK(socket(AF_UNIX, SOCK_STREAM, 0) >= 0); }
static void do_dup(void) { CHECK(dup(file) >= 0); }
static void do_dup2(void) { CHECK(dup2(file, file) == file); }
static void do_fcntl(void) { CHECK(fcntl(file, F_GETFL) >= 0); }
static void do_ioctl(void) { CHECK(ioctl(tube[0], FIONREAD, &(int){ 0 }) == 0); }
static void do_shutdown(void) { CHECK(shutdown(datagrams[0], SHUT_RDWR) == 0); }
static void do_close_range(void) { CHECK(close_range(1000, 1010, 0) == 0); }

static const struct entry entries[] = {
    ENTRY(readv), ENTRY(writev), ENTRY(preadv2), ENTRY(pwritev2), ENTRY(pread),
    ENTRY(preadv), ENTRY(pwritev), ENTRY(recvfrom), ENTRY(recvmsg), ENTRY(recvmmsg),
    ENTRY(sendto), ENTRY(sendmsg), ENTRY(sendmmsg), ENTRY(accept), ENTRY(accept4),
    ENTRY(connect), ENTRY(ppoll), ENTRY(select), ENTRY(pselect), ENTRY(epoll_wait),
    ENTRY(epoll_pwait), ENTRY(epoll_pwait2), ENTRY(eventfd_read), ENTRY(eventfd_write),
    ENTRY(pipe), ENTRY(socket), ENTRY(dup), ENTRY(dup2), ENTRY(fcntl), ENTRY(ioctl),
    ENTRY(shutdown), ENTRY(close_range),
};

int main(void)
{
    struct stat status;
    CHECK(pipe(tube) == 0 && (event = eventfd(7, 0)) >= 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, stream) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, datagrams) == 0);
    give(tube[1], 't'), give(stream[1], 's'), give(datagrams[1], 'd');
    listener = tcp_listener(&address);
    client = socket(AF_INET, SOCK_STREAM, 0);
    int waiting = tcp_connect(&address);
    polled = (struct pollfd){ .fd = listener, .events = POLLIN };
    CHECK(poll(&polled, 1, -1) == 1);
    CHECK((interest = epoll_create1(0)) >= 0);
    file = temporary_file(0);

    cancel_at_entries(entries, COUNT(entries));

    eventfd_t count;
    socklen_t length = sizeof address;
    FAILS(ENOTCONN, getpeername(client, (struct sockaddr *)&address, &length));
    CHECK(poll(&polled, 1, 0) == 1 && fstat(file, &status) == 0);
    CHECK(eventfd_read(event, &count) == 0);
    printf("to read: %d %d %d and %d; written: %d; still to accept: yes\n", unread(tube[0]),
           unread(stream[0]), unread(datagrams[0]), (int)count, (int)status.st_size);
    printf("sent: %d\n", unread(stream[1]));
    close(waiting);
    return 0;
}
