/* What poll() says of every kind of descriptor, idle and ready, and that it
 * waits for each while others run: poll(2), select(2), pidfd_open(2),
 * epoll(7), tcp(7) (out-of-band data).
 */
#include "lib/beside.h"
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <termios.h>

enum { ASKED = POLLIN | POLLPRI | POLLOUT | POLLRDHUP };

static int fd, other;
static short wanted;
static sem_t begun;
static struct sockaddr_in address;
static char path[] = "/tmp/check-XXXXXX";

static void tell(const char *when, int result, short events)
{
    static const struct { short bit; const char *name; } bits[] = {
        { POLLIN, "IN" }, { POLLPRI, "PRI" }, { POLLOUT, "OUT" }, { POLLRDHUP, "RDHUP" },
        { POLLERR, "ERR" }, { POLLHUP, "HUP" }, { POLLNVAL, "NVAL" },
    };
    printf("  %s: %d", when, result);
    for (size_t i = 0; i < COUNT(bits); i++)
        if (events & bits[i].bit)
            printf(" %s", bits[i].name);
    puts("");
}

static void look(const char *when)
{
    struct pollfd polled = { fd, ASKED, 0 };
    int result = poll(&polled, 1, 0);
    tell(when, result, polled.revents);
}

static void *wait_for_it(void *unused)
{
    struct pollfd polled = { fd, wanted, 0 };
    CHECK(sem_post(&begun) == 0);
    int result = poll(&polled, 1, 20000);
    tell("woken", result, polled.revents);
    return unused;
}

static void has_begun(void *unused)
{
    (void)unused;
    CHECK(sem_wait(&begun) == 0);
    others_run();
}

static void wait_till(const char *kind, short events, void (*make_ready)(void *))
{
    wanted = events;
    beside(kind, wait_for_it, has_begun, make_ready, NULL);
    look("ready");
}

static void give_one(void *unused)
{
    (void)unused;
    give(other, 'x');
}

static void close_other(void *unused)
{
    (void)unused;
    CHECK(close(other) == 0);
}

static void connect_one(void *unused)
{
    (void)unused;
    other = tcp_connect(&address);
}

static void give_line(void *unused)
{
    (void)unused;
    CHECK(write(other, "x\n", 2) == 2);
}

static void add_one(void *unused)
{
    (void)unused;
    CHECK(eventfd_write(fd, 1) == 0);
}

static void set_timer(void *unused)
{
    struct itimerspec soon = { { 0, 0 }, { 0, 1 } };
    (void)unused;
    CHECK(timerfd_settime(fd, 0, &soon, NULL) == 0);
}

static void signal_process(void *unused)
{
    (void)unused;
    CHECK(kill(getpid(), SIGUSR1) == 0);
}

static void change_file(void *unused)
{
    (void)unused;
    CHECK(write(other, "x", 1) == 1);
}

static void send_urgent(void *unused)
{
    (void)unused;
    CHECK(send(other, "!", 1, MSG_OOB) == 1);
}

static void fill(int full)
{
    static char page[4096];
    CHECK(fcntl(full, F_SETFL, O_NONBLOCK) == 0);
    while (write(full, page, sizeof page) > 0)
        ;
    CHECK(errno == EAGAIN);
}

static void empty_other(void *unused)
{
    static char data[1 << 16];
    (void)unused;
    CHECK(read(other, data, sizeof data) > 0);
}

static void idle(const char *kind)
{
    puts(kind);
    look("idle");
}

static void ends_of(const char *kind, int ends[2])
{
    fd = ends[0], other = ends[1];
    idle(kind);
    wait_till(kind, POLLIN, give_one);
    take(fd);
    wait_till(kind, POLLIN | POLLRDHUP, close_other);
    close(fd);
}

static void pipes_and_sockets(void)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    ends_of("pipe", ends);
    CHECK(pipe(ends) == 0);
    fd = ends[1], other = ends[0];
    fill(fd);
    idle("full pipe");
    wait_till("full pipe", POLLOUT, empty_other);
    fill(fd);
    wait_till("pipe without a reader", POLLOUT, close_other);

    CHECK(mkdtemp(path));
    char fifo[40];
    snprintf(fifo, sizeof fifo, "%s/fifo", path);
    CHECK(mkfifo(fifo, 0600) == 0);
    CHECK((ends[0] = open(fifo, O_RDONLY | O_NONBLOCK)) >= 0);
    fd = ends[0];
    idle("FIFO that nobody has opened to write");
    CHECK((ends[1] = open(fifo, O_WRONLY)) >= 0);
    ends_of("FIFO", ends);
    CHECK(unlink(fifo) == 0 && rmdir(path) == 0);

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    ends_of("UNIX socket", ends);
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
    fd = ends[0], other = ends[1];
    idle("UNIX datagrams");
    wait_till("UNIX datagrams", POLLIN, give_one);
    tcp_pair(ends);
    ends_of("TCP socket", ends);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    idle("TCP socket, not connected");
    fd = tcp_listener(&address);
    idle("listening socket");
    wait_till("listening socket", POLLIN, connect_one);
}

static void urgent_data(void)
{
    int ends[2];
    tcp_pair(ends);
    fd = ends[0], other = ends[1];
    idle("TCP out-of-band data");
    wait_till("TCP out-of-band data", POLLPRI, send_urgent);
    fd_set readers, urgent;
    FD_ZERO(&readers);
    FD_SET(fd, &readers);
    urgent = readers;
    printf("  select: %d", select(fd + 1, &readers, NULL, &urgent, NULL));
    printf(", readable %d, exceptional %d\n", !!FD_ISSET(fd, &readers), !!FD_ISSET(fd, &urgent));
    char byte;
    CHECK(recv(fd, &byte, 1, MSG_OOB) == 1 && byte == '!');
    look("taken");
}

static void by_descriptor(void)
{
    CHECK((fd = eventfd(0, 0)) >= 0);
    idle("eventfd");
    wait_till("eventfd", POLLIN, add_one);
    CHECK((fd = timerfd_create(CLOCK_MONOTONIC, 0)) >= 0);
    idle("timerfd");
    wait_till("timerfd", POLLIN, set_timer);

    sigset_t set;
    CHECK(sigemptyset(&set) == 0 && sigaddset(&set, SIGUSR1) == 0);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    CHECK((fd = signalfd(-1, &set, 0)) >= 0);
    idle("signalfd");
    wait_till("signalfd", POLLIN, signal_process);

    char name[] = "/tmp/check-XXXXXX";
    other = mkstemp(name), fd = inotify_init1(0);
    CHECK(other >= 0 && fd >= 0 && inotify_add_watch(fd, name, IN_MODIFY) >= 0);
    idle("inotify");
    wait_till("inotify", POLLIN, change_file);
    CHECK(unlink(name) == 0);

    int stop[2];
    CHECK(pipe(stop) == 0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        take(stop[0]);
        _exit(0);
    }
    other = stop[1], fd = pidfd_open(child, 0);
    CHECK(fd >= 0);
    idle("pidfd");
    wait_till("pidfd", POLLIN, give_one);
    CHECK(waitpid(child, NULL, 0) == child);

    struct epoll_event event = { .events = EPOLLIN };
    CHECK(pipe(stop) == 0);
    other = stop[1], fd = epoll_create1(0);
    CHECK(epoll_ctl(fd, EPOLL_CTL_ADD, stop[0], &event) == 0);
    idle("epoll set");
    wait_till("epoll set", POLLIN, give_one);
}

static void terminals(void)
{
    char name[64];
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    CHECK(ptsname_r(master, name, sizeof name) == 0);
    int slave = open(name, O_RDWR | O_NOCTTY);
    struct termios mode;
    CHECK(slave >= 0 && tcgetattr(slave, &mode) == 0);
    mode.c_lflag &= ~(tcflag_t)ECHO;
    CHECK(tcsetattr(slave, TCSANOW, &mode) == 0);
    fd = slave, other = master;
    idle("terminal");
    wait_till("terminal", POLLIN, give_line);
    fd = master, other = slave;
    idle("its master");
    wait_till("its master", POLLIN, give_one);
    take(master);
    wait_till("its master, closed by the terminal", POLLIN, close_other);
}

int main(void)
{
    CHECK(sem_init(&begun, 0, 0) == 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    pipes_and_sockets();
    urgent_data();
    by_descriptor();
    terminals();

    fd = temporary_file(0);
    idle("empty file");
    fd = open("/dev/null", O_RDWR);
    idle("/dev/null");
    close(fd);
    idle("closed");
    fd = -1;
    idle("negative");
    fd = -12345;
    idle("very negative");
    return 0;
}
