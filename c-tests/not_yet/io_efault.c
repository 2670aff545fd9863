/* A pointer to nowhere makes these calls fail with EFAULT; it does not end the
 * process: read(2), poll(2), select(2), nanosleep(2), sigtimedwait(2),
 * recvmsg(2), connect(2), epoll_wait(2), and others.
 */
#include "../lib/check.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <linux/futex.h>

static void *nowhere;
static int ends[2], pair[2], epoll;

static long by_code(int error)
{
    errno = error;
    return error ? -1 : 0;
}

static long do_read(void) { return read(ends[0], nowhere, 1); }
static long do_write(void) { return write(ends[1], nowhere, 1); }
static long do_readv(void) { return readv(ends[0], nowhere, 1); }
static long do_writev(void) { return writev(ends[1], nowhere, 1); }
static long do_recv(void) { return recv(pair[0], nowhere, 1, 0); }
static long do_send(void) { return send(pair[0], nowhere, 1, 0); }
static long do_sendmsg(void) { return sendmsg(pair[0], nowhere, 0); }
static long do_recvmsg(void) { return recvmsg(pair[0], nowhere, 0); }
static long do_recvmmsg(void) { return recvmmsg(pair[0], nowhere, 1, 0, NULL); }
static long do_sendmmsg(void) { return sendmmsg(pair[0], nowhere, 1, 0); }
static long do_connect(void) { return connect(pair[0], nowhere, 16); }
static long do_setsockopt(void) { return setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, nowhere, 16); }
static long do_socketpair(void) { return socketpair(AF_UNIX, SOCK_STREAM, 0, nowhere); }
static long do_pipe(void) { return pipe(nowhere); }
static long do_poll(void) { return poll(nowhere, 1, -1); }
static long do_ppoll(void) { return ppoll(&(struct pollfd){ ends[0], POLLIN, 0 }, 1, nowhere, NULL); }
static long do_select(void) { return select(8, nowhere, NULL, NULL, NULL); }
static long do_select_time(void) { return select(0, NULL, NULL, NULL, nowhere); }
static long do_pselect_mask(void) { return pselect(0, NULL, NULL, NULL, NULL, nowhere); }
static long do_epoll_wait(void) { return epoll_wait(epoll, nowhere, 1, -1); }
static long do_epoll_pwait2(void)
{
    struct epoll_event event;
    return epoll_pwait2(epoll, &event, 1, nowhere, NULL);
}
static long do_nanosleep(void) { return nanosleep(nowhere, NULL); }
static long do_clock_nanosleep(void)
{
    return by_code(clock_nanosleep(CLOCK_MONOTONIC, 0, nowhere, NULL));
}
static long do_sigtimedwait(void) { return sigtimedwait(nowhere, NULL, NULL); }
static long do_sigsuspend(void) { return sigsuspend(nowhere); }
static long do_sigprocmask(void) { return sigprocmask(SIG_BLOCK, nowhere, NULL); }
static long do_futex(void) { return syscall(SYS_futex, nowhere, FUTEX_WAIT_PRIVATE, 0, NULL); }
static long do_clock_gettime(void) { return syscall(SYS_clock_gettime, CLOCK_TAI, nowhere); }
static long do_waitid(void) { return waitid(P_ALL, 0, nowhere, WEXITED | WNOHANG); }

#define ROW(name) { #name, do_##name }

static const struct {
    const char *name;
    long (*call)(void);
} rows[] = {
    ROW(read), ROW(write), ROW(readv), ROW(writev), ROW(recv), ROW(send), ROW(sendmsg),
    ROW(recvmsg), ROW(recvmmsg), ROW(sendmmsg), ROW(connect), ROW(setsockopt), ROW(socketpair),
    ROW(pipe), ROW(poll), ROW(ppoll), ROW(select), ROW(select_time), ROW(pselect_mask),
    ROW(epoll_wait), ROW(epoll_pwait2), ROW(nanosleep), ROW(clock_nanosleep),
    ROW(sigtimedwait), ROW(sigsuspend), ROW(sigprocmask), ROW(futex), ROW(clock_gettime),
    ROW(waitid),
};

static void *make_call(void *call)
{
    errno = 0;
    long result = ((long (*)(void))call)();
    dprintf(1, " %s", errno_name(result == -1 ? errno : 0));
    return NULL;
}

int main(void)
{
    struct epoll_event event = { .events = EPOLLIN };
    nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(nowhere != MAP_FAILED && pipe(ends) == 0 && pipe(pair) == 0);
    give(ends[1], 'x');
    CHECK((epoll = epoll_create1(0)) >= 0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    give(pair[1], 'x');
    others_run();
    for (size_t i = 0; i < COUNT(rows); i++) {
        dprintf(1, "%s:", rows[i].name);
        pid_t child = fork();
        if (child == 0) {
            alarm(5);
            join(start(make_call, (void *)rows[i].call));
            _exit(0);
        }
        dprintf(1, ", %s\n", child_end(child));
    }
    return 0;
}
