/* A handler ends each of these blocking calls with EINTR; with SA_RESTART the
 * ones that signal(7) lists go on, and the others still end.
 *
 * test: timeout=60
 * test: slow
 */
#include "lib/interrupts.h"
#include <aio.h>
#include <semaphore.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <linux/futex.h>
#include <threads.h>

static int ends[2], epoll;
static char byte, bulk[4 << 20];
static pid_t child;
static sem_t semaphore, *shared_semaphore;
static int word;
static struct unix_address full_name;
static const struct timespec day = { 86400, 0 };
static char watched[] = "/tmp/check-XXXXXX";

static struct timespec tomorrow(clockid_t clock)
{
    struct timespec time;
    CHECK(clock_gettime(clock, &time) == 0);
    time.tv_sec += 86400;
    return time;
}

static void nothing(void) {}

/* ---- pipes ----------------------------------------------------------------- */

static void make_pipe(void) { CHECK(pipe(ends) == 0); }
static void give_byte(void) { give(ends[1], 'x'); }

static void fill(void)
{
    int flags = fcntl(ends[1], F_GETFL);
    CHECK(fcntl(ends[1], F_SETFL, flags | O_NONBLOCK) == 0);
    while (write(ends[1], bulk, 4096) > 0 || write(ends[1], bulk, 1) > 0)
        ;
    CHECK(fcntl(ends[1], F_SETFL, flags) == 0);
}

static void make_full_pipe(void) { make_pipe(), fill(); }
static void empty(void) { CHECK(read(ends[0], bulk, sizeof bulk) > 0); }
static void make_fifo(void)
{
    char directory[] = "/tmp/check-XXXXXX", path[64];
    CHECK(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/fifo", directory);
    CHECK(mkfifo(path, 0600) == 0);
    CHECK((ends[0] = open(path, O_RDONLY | O_NONBLOCK)) >= 0);
    CHECK((ends[1] = open(path, O_WRONLY)) >= 0);
    CHECK(fcntl(ends[0], F_SETFL, 0) == 0 && unlink(path) == 0 && rmdir(directory) == 0);
}
static void make_full_fifo(void) { make_fifo(), fill(); }

static long do_read(void) { return read(ends[0], &byte, 1); }
static long do_readv(void)
{
    struct iovec piece = { &byte, 1 };
    return readv(ends[0], &piece, 1);
}
static long do_write(void) { return write(ends[1], &byte, 1); }
static long do_writev(void)
{
    struct iovec piece = { &byte, 1 };
    return writev(ends[1], &piece, 1);
}
static long do_fgetc(void)
{
    FILE *file = fdopen(dup(ends[0]), "r");
    long got = fgetc(file);
    int error = errno;
    fclose(file);
    errno = error;
    return got;
}

/* ---- sockets --------------------------------------------------------------- */

static void make_pair(void) { CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0); }
static void make_full_pair(void) { make_pair(), fill(); }
static void make_full_datagrams(void)
{
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
    fill();
}
static void make_tcp(void) { tcp_pair(ends); }
static void make_timed_pair(void)
{
    struct timeval limit = { 86400, 0 };
    make_pair();
    fill();
    for (int i = 0; i < 2; i++) {
        CHECK(setsockopt(ends[i], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
        CHECK(setsockopt(ends[i], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0);
    }
}
static void empty_datagrams(void)
{
    while (recv(ends[0], bulk, sizeof bulk, MSG_DONTWAIT) > 0)
        ;
}

static long do_recv(void) { return recv(ends[0], &byte, 1, 0); }
static long do_recvfrom(void) { return recvfrom(ends[0], &byte, 1, 0, NULL, NULL); }
static long do_recv_back(void) { return recv(ends[1], &byte, 1, 0); }
static void give_back(void) { empty(), give(ends[0], 'x'); }
static struct iovec one = { &byte, 1 };
static long do_recvmsg(void)
{
    struct msghdr message = { .msg_iov = &one, .msg_iovlen = 1 };
    return recvmsg(ends[0], &message, 0);
}
static long do_recvmmsg(void)
{
    struct mmsghdr message = { .msg_hdr = { .msg_iov = &one, .msg_iovlen = 1 } };
    return recvmmsg(ends[0], &message, 1, 0, NULL);
}
static long do_send(void) { return send(ends[1], &byte, 1, 0); }
static long do_sendto(void) { return sendto(ends[1], &byte, 1, 0, NULL, 0); }
static long do_sendmsg(void)
{
    struct msghdr message = { .msg_iov = &one, .msg_iovlen = 1 };
    return sendmsg(ends[1], &message, 0);
}

static void listen_tcp(void)
{
    struct sockaddr_in address;
    ends[0] = tcp_listener(&address);
    ends[1] = socket(AF_INET, SOCK_STREAM, 0);
}
static void connect_tcp(void)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    CHECK(getsockname(ends[0], (struct sockaddr *)&address, &length) == 0);
    CHECK(connect(ends[1], (struct sockaddr *)&address, length) == 0);
}
static void listen_tcp_timed(void)
{
    struct timeval limit = { 86400, 0 };
    listen_tcp();
    CHECK(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
}
static long do_accept(void) { return accept(ends[0], NULL, NULL); }
static long do_accept4(void) { return accept4(ends[0], NULL, NULL, SOCK_CLOEXEC); }

static void make_full_listener(void)
{
    ends[0] = unix_listener(&full_name, 0);
    unix_connect(&full_name);
    ends[1] = socket(AF_UNIX, SOCK_STREAM, 0);
}
static void accept_all(void)
{
    CHECK(accept(ends[0], NULL, NULL) >= 0);
}
static long do_connect(void)
{
    return connect(ends[1], (struct sockaddr *)&full_name.name, full_name.length);
}

/* ---- other descriptors ------------------------------------------------------ */

static void make_event(void) { CHECK((ends[0] = ends[1] = eventfd(0, 0)) >= 0); }
static void make_full_event(void)
{
    make_event();
    CHECK(eventfd_write(ends[1], UINT64_MAX - 1) == 0);
}
static void add_event(void) { CHECK(eventfd_write(ends[1], 1) == 0); }
static void take_event(void) { CHECK(read(ends[1], bulk, 8) == 8); }
static long do_read_8(void) { return read(ends[0], bulk, 8); }
static long do_write_event(void) { return write(ends[1], &(uint64_t){ 1 }, 8); }
static void make_timer(void) { CHECK((ends[0] = timerfd_create(CLOCK_MONOTONIC, 0)) >= 0); }
static void set_timer(void)
{
    struct itimerspec soon = { { 0, 0 }, { 0, 1 } };
    CHECK(timerfd_settime(ends[0], 0, &soon, NULL) == 0);
}
static void make_watch(void)
{
    strcpy(watched, "/tmp/check-XXXXXX");
    CHECK((ends[1] = mkstemp(watched)) >= 0 && (ends[0] = inotify_init1(0)) >= 0);
    CHECK(inotify_add_watch(ends[0], watched, IN_MODIFY) >= 0);
}
static void change_watched(void)
{
    give_byte();
    CHECK(unlink(watched) == 0);
}
static long do_read_page(void) { return read(ends[0], bulk, 4096); }
static sigset_t *usr2(void)
{
    static sigset_t set;
    CHECK(sigemptyset(&set) == 0 && sigaddset(&set, SIGUSR2) == 0);
    return &set;
}
/* None is left of what the call before did not want. */
static void block_usr2(void)
{
    CHECK(pthread_sigmask(SIG_BLOCK, usr2(), NULL) == 0);
    sigtimedwait(usr2(), NULL, &(struct timespec){ 0, 0 });
}
static void make_signalfd(void)
{
    block_usr2();
    CHECK((ends[0] = signalfd(-1, usr2(), 0)) >= 0);
}
static void signal_process(void)
{
    CHECK(kill(getpid(), SIGUSR2) == 0);
}
static void make_terminal(void)
{
    char name[64];
    CHECK((ends[1] = posix_openpt(O_RDWR | O_NOCTTY)) >= 0);
    CHECK(grantpt(ends[1]) == 0 && unlockpt(ends[1]) == 0);
    CHECK(ptsname_r(ends[1], name, sizeof name) == 0);
    CHECK((ends[0] = open(name, O_RDWR | O_NOCTTY)) >= 0);
}
/* There is a little more room once the master's side has been told. */
static void make_full_terminal(void)
{
    make_terminal();
    int master = ends[1];
    ends[1] = ends[0], ends[0] = master;
    do
        fill();
    while (poll(&(struct pollfd){ ends[1], POLLOUT, 0 }, 1, 50) == 1);
}
static void empty_terminal(void)
{
    CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    while (read(ends[0], bulk, sizeof bulk) > 0)
        ;
}
static void give_line(void) { CHECK(write(ends[1], "x\n", 2) == 2); }

static struct aiocb job;
static long do_aio_suspend(void)
{
    const struct aiocb *list[] = { &job };
    return aio_suspend(list, 1, NULL);
}
static void begin_job(void)
{
    make_pipe();
    job = (struct aiocb){ .aio_fildes = ends[0], .aio_buf = &byte, .aio_nbytes = 1 };
    CHECK(aio_read(&job) == 0);
}
/* The job is over before the next one begins. */
static void end_job(void)
{
    give_byte();
    while (aio_error(&job) == EINPROGRESS)
        sched_yield();
}

/* ---- readiness -------------------------------------------------------------- */

static void make_set(void)
{
    struct epoll_event event = { .events = EPOLLIN };
    make_pipe();
    CHECK((epoll = epoll_create1(0)) >= 0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event) == 0);
}
static struct epoll_event event;
static long do_poll(void) { return poll(&(struct pollfd){ ends[0], POLLIN, 0 }, 1, -1); }
static long do_ppoll(void)
{
    return ppoll(&(struct pollfd){ ends[0], POLLIN, 0 }, 1, &day, NULL);
}
static fd_set *readers(void)
{
    static fd_set set;
    FD_ZERO(&set);
    FD_SET(ends[0], &set);
    return &set;
}
static long do_select(void) { return select(ends[0] + 1, readers(), NULL, NULL, NULL); }
static long do_pselect(void) { return pselect(ends[0] + 1, readers(), NULL, NULL, &day, NULL); }
static long do_epoll_wait(void) { return epoll_wait(epoll, &event, 1, -1); }
static long do_epoll_pwait(void) { return epoll_pwait(epoll, &event, 1, 1000000, NULL); }
static long do_epoll_pwait2(void) { return epoll_pwait2(epoll, &event, 1, &day, NULL); }

/* ---- time and signals -------------------------------------------------------- */

static long fails_with(int error)
{
    errno = error;
    return error ? -1 : 0;
}
static long do_nanosleep(void) { return nanosleep(&day, NULL); }
static long do_clock_nanosleep(void)
{
    return fails_with(clock_nanosleep(CLOCK_MONOTONIC, 0, &day, NULL));
}
static long do_clock_nanosleep_absolute(void)
{
    struct timespec time = tomorrow(CLOCK_REALTIME);
    return fails_with(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &time, NULL));
}
static long do_usleep(void) { return usleep(4000000000U); }
static long do_sleep(void)
{
    unsigned left = sleep(86400);
    return fails_with(left > 86000 && left <= 86400 ? EINTR : 0);
}
static long do_thrd_sleep(void) { return fails_with(thrd_sleep(&day, NULL) == -1 ? EINTR : 0); }
static long do_pause(void) { return pause(); }
static long do_sigsuspend(void)
{
    return sigsuspend(usr2());
}
static long do_sigwaitinfo(void) { return sigwaitinfo(usr2(), NULL); }
static long do_sigtimedwait(void) { return sigtimedwait(usr2(), NULL, &day); }

/* ---- locks, children ---------------------------------------------------------- */

static void make_semaphore(void) { CHECK(sem_init(&semaphore, 0, 0) == 0); }
static void post(void) { CHECK(sem_post(&semaphore) == 0); }
static void make_shared_semaphore(void)
{
    shared_semaphore = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared_semaphore != MAP_FAILED && sem_init(shared_semaphore, 1, 0) == 0);
}
static void post_shared(void) { CHECK(sem_post(shared_semaphore) == 0); }
static long do_sem_wait(void) { return sem_wait(&semaphore); }
static long do_sem_wait_shared(void) { return sem_wait(shared_semaphore); }
static long do_sem_timedwait(void)
{
    struct timespec time = tomorrow(CLOCK_REALTIME);
    return sem_timedwait(&semaphore, &time);
}
static void clear_word(void) { word = 0; }
static void wake_word(void)
{
    word = 1;
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
static long do_futex(void)
{
    return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}
static long do_futex_timed(void)
{
    return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &day, NULL, 0);
}

static void make_child(void)
{
    make_pipe();
    if ((child = fork()) == 0) {
        take(ends[0]);
        _exit(0);
    }
    CHECK(child > 0);
}
static long do_wait4(void) { return wait4(child, NULL, 0, NULL); }
static long do_waitpid(void) { return waitpid(child, NULL, 0); }
static long do_waitid(void)
{
    siginfo_t info;
    return waitid(P_PID, (id_t)child, &info, WEXITED);
}

static const struct interrupted rows[] = {
    { "read pipe", make_pipe, do_read, give_byte, 1 },
    { "readv pipe", make_pipe, do_readv, give_byte, 1 },
    { "write pipe", make_full_pipe, do_write, empty, 1 },
    { "writev pipe", make_full_pipe, do_writev, empty, 1 },
    { "read FIFO", make_fifo, do_read, give_byte, 1 },
    { "write FIFO", make_full_fifo, do_write, empty, 1 },
    { "fgetc pipe", make_pipe, do_fgetc, give_byte, 1 },
    { "read socket", make_pair, do_read, give_byte, 1 },
    { "write socket", make_full_pair, do_write, empty_datagrams, 1 },
    { "recv tcp", make_tcp, do_recv, give_byte, 1 },
    { "recvfrom", make_pair, do_recvfrom, give_byte, 1 },
    { "recvmsg", make_pair, do_recvmsg, give_byte, 1 },
    { "recvmmsg", make_pair, do_recvmmsg, give_byte, 1 },
    { "send", make_full_pair, do_send, empty_datagrams, 1 },
    { "sendto datagrams", make_full_datagrams, do_sendto, empty_datagrams, 1 },
    { "sendmsg", make_full_pair, do_sendmsg, empty_datagrams, 1 },
    { "recv, SO_RCVTIMEO", make_timed_pair, do_recv_back, give_back, 0 },
    { "send, SO_SNDTIMEO", make_timed_pair, do_send, empty_datagrams, 0 },
    { "accept", listen_tcp, do_accept, connect_tcp, 1 },
    { "accept4", listen_tcp, do_accept4, connect_tcp, 1 },
    { "accept, SO_RCVTIMEO", listen_tcp_timed, do_accept, connect_tcp, 0 },
    { "connect", make_full_listener, do_connect, accept_all, 1 },
    { "read eventfd", make_event, do_read_8, add_event, 1 },
    { "write eventfd", make_full_event, do_write_event, take_event, 1 },
    { "read timerfd", make_timer, do_read_8, set_timer, 1 },
    { "read inotify", make_watch, do_read_page, change_watched, 1 },
    { "read signalfd", make_signalfd, do_read_page, signal_process, 1 },
    { "read terminal", make_terminal, do_read, give_line, 1 },
    { "write terminal", make_full_terminal, do_write, empty_terminal, 1 },
    { "aio_suspend", begin_job, do_aio_suspend, end_job, 1 },
    { "poll", make_pipe, do_poll, give_byte, 0 },
    { "ppoll", make_pipe, do_ppoll, give_byte, 0 },
    { "select", make_pipe, do_select, give_byte, 0 },
    { "pselect", make_pipe, do_pselect, give_byte, 0 },
    { "epoll_wait", make_set, do_epoll_wait, give_byte, 0 },
    { "epoll_pwait", make_set, do_epoll_pwait, give_byte, 0 },
    { "epoll_pwait2", make_set, do_epoll_pwait2, give_byte, 0 },
    { "nanosleep", nothing, do_nanosleep, nothing, 0 },
    { "clock_nanosleep", nothing, do_clock_nanosleep, nothing, 0 },
    { "clock_nanosleep absolute", nothing, do_clock_nanosleep_absolute, nothing, 0 },
    { "usleep", nothing, do_usleep, nothing, 0 },
    { "sleep", nothing, do_sleep, nothing, 0 },
    { "thrd_sleep", nothing, do_thrd_sleep, nothing, 0 },
    { "pause", nothing, do_pause, nothing, 0 },
    { "sigsuspend", nothing, do_sigsuspend, nothing, 0 },
    { "sigwaitinfo", block_usr2, do_sigwaitinfo, nothing, 0 },
    { "sigtimedwait", block_usr2, do_sigtimedwait, nothing, 0 },
    { "sem_wait", make_semaphore, do_sem_wait, post, 1 },
    { "sem_wait shared", make_shared_semaphore, do_sem_wait_shared, post_shared, 1 },
    { "sem_timedwait", make_semaphore, do_sem_timedwait, post, 0 },
    { "futex", clear_word, do_futex, wake_word, 1 },
    { "futex with a time", clear_word, do_futex_timed, wake_word, 0 },
    { "wait4", make_child, do_wait4, give_byte, 1 },
    { "waitpid", make_child, do_waitpid, give_byte, 1 },
    { "waitid", make_child, do_waitid, give_byte, 1 },
};

int main(int argc, char **argv)
{
    interrupt_all(rows, COUNT(rows), argc > 1 ? argv[1] : NULL);
    return 0;
}
