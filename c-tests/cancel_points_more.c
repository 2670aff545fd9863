/* A thread that waits for signals, children, a connection, several messages or
 * an asynchronous operation is cancelled there; the signal, the child and the
 * operation are left to others: pthreads(7), sigwait(3), wait(2), aio_suspend(3).
 */
#include "lib/cancel_points.h"
#include <aio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/uio.h>

enum { LARGE = 16 << 20 };

static int quiet[2], full[2], datagrams[2], interest, event, listener;
static struct unix_address crowded;
static pthread_t reader;
static pid_t child;
static sigset_t usr1, none;
static char byte, large[LARGE];
static struct aiocb operation;
static const struct aiocb *operations[] = { &operation };

static void in_sigwait(void) { sigwait(&usr1, &(int){ 0 }); }
static void in_sigwaitinfo(void) { sigwaitinfo(&usr1, NULL); }

static void in_sigtimedwait(void)
{
    struct timespec hour = { 3600, 0 };
    sigtimedwait(&usr1, NULL, &hour);
}

static void in_sigsuspend(void) { sigsuspend(&none); }
static void in_pause(void) { pause(); }
static void in_wait(void) { wait(NULL); }
static void in_waitpid(void) { waitpid(child, NULL, 0); }
static void in_waitpid_any(void) { waitpid(-1, NULL, WUNTRACED); }
static void in_wait3(void) { wait3(NULL, 0, NULL); }
static void in_wait4(void) { wait4(child, NULL, 0, NULL); }
static void in_waitid(void) { waitid(P_PID, (id_t)child, &(siginfo_t){ 0 }, WEXITED); }
static void in_waitid_all(void) { waitid(P_ALL, 0, &(siginfo_t){ 0 }, WSTOPPED | WEXITED); }

static void in_clockjoin(void)
{
    struct timespec limit = { LONG_MAX, 0 };
    pthread_clockjoin_np(reader, NULL, CLOCK_MONOTONIC, &limit);
}

/* The listener's queue is full. */
static void in_connect(void)
{
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(client >= 0);
    connect(client, (struct sockaddr *)&crowded.name, crowded.length);
}

static void in_recvmmsg(void)
{
    struct iovec one = { &byte, 1 };
    struct mmsghdr message = { .msg_hdr = { .msg_iov = &one, .msg_iovlen = 1 } };
    recvmmsg(datagrams[0], &message, 1, 0, NULL);
}

static void in_sendmmsg(void)
{
    struct iovec one = { &byte, 1 };
    struct mmsghdr message = { .msg_hdr = { .msg_iov = &one, .msg_iovlen = 1 } };
    for (;;)
        sendmmsg(datagrams[0], &message, 1, 0);
}

static void in_preadv2(void) { preadv2(quiet[0], &(struct iovec){ &byte, 1 }, 1, -1, 0); }
static void in_pwritev2(void) { pwritev2(full[1], &(struct iovec){ large, LARGE }, 1, -1, 0); }
static void in_eventfd_read(void) { eventfd_read(event, &(eventfd_t){ 0 }); }

static void in_epoll_pwait2(void)
{
    struct timespec hour = { 3600, 0 };
    epoll_pwait2(interest, &(struct epoll_event){ 0 }, 1, &hour, NULL);
}

static void in_aio_suspend(void)
{
    struct timespec hour = { 3600, 0 };
    aio_suspend(operations, 1, &hour);
}

static const struct point points[] = {
    { "sigwait", in_sigwait },
    { "sigwaitinfo", in_sigwaitinfo },
    { "sigtimedwait", in_sigtimedwait },
    { "sigsuspend", in_sigsuspend },
    { "pause", in_pause },
    { "wait", in_wait },
    { "waitpid", in_waitpid },
    { "waitpid, any", in_waitpid_any },
    { "wait3", in_wait3 },
    { "wait4", in_wait4 },
    { "waitid", in_waitid },
    { "waitid, all", in_waitid_all },
    { "pthread_clockjoin_np", in_clockjoin },
    { "connect", in_connect },
    { "recvmmsg", in_recvmmsg },
    { "sendmmsg", in_sendmmsg },
    { "preadv2", in_preadv2 },
    { "pwritev2", in_pwritev2 },
    { "eventfd_read", in_eventfd_read },
    { "epoll_pwait2", in_epoll_pwait2 },
    { "aio_suspend", in_aio_suspend },
};

static void *read_byte(void *from)
{
    CHECK(take(*(int *)from) == 'r');
    return NULL;
}

static void fill_queue(void)
{
    int client, result;
    do {
        client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        CHECK(client >= 0);
        result = connect(client, (struct sockaddr *)&crowded.name, crowded.length);
    } while (result == 0);
    CHECK(errno == EAGAIN && close(client) == 0);
}

int main(void)
{
    int life[2], join_pipe[2], source[2];
    CHECK(pipe(quiet) == 0 && pipe(full) == 0 && pipe(life) == 0);
    CHECK(pipe(join_pipe) == 0 && pipe(source) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, datagrams) == 0);
    CHECK((event = eventfd(0, 0)) >= 0 && (interest = epoll_create1(0)) >= 0);
    listener = unix_listener(&crowded, 1);
    fill_queue();
    CHECK(sigemptyset(&none) == 0 && sigemptyset(&usr1) == 0 && sigaddset(&usr1, SIGUSR1) == 0);
    CHECK(pthread_sigmask(SIG_BLOCK, &usr1, NULL) == 0);
    CHECK((child = fork()) >= 0);
    if (child == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0)
        _exit(take(life[0]) == 'e' ? 5 : 6);
    operation = (struct aiocb){ .aio_fildes = source[0], .aio_buf = &byte, .aio_nbytes = 1 };
    CHECK(aio_read(&operation) == 0);
    reader = start(read_byte, &join_pipe[0]);

    cancel_at_points(points, COUNT(points));

    int number;
    CHECK(kill(getpid(), SIGUSR1) == 0 && sigwait(&usr1, &number) == 0);
    printf("the signal: SIG%s\n", sigabbrev_np(number));
    give(life[1], 'e');
    printf("the child: %s\n", child_end(child));
    give(source[1], 's');
    CHECK(aio_suspend(operations, 1, NULL) == 0);
    printf("the operation: %d, %c\n", (int)aio_return(&operation), byte);
    give(join_pipe[1], 'r');
    join(reader);
    return 0;
}
