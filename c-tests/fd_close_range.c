/* close_range(), closefrom() and loops of close() over all low numbers, in the
 * process and in a forked child, while threads wait on high ones: these go on
 * waiting and wake; the child has threads and descriptors of its own after it:
 * close_range(2), closefrom(3), close(2).
 */
#include "lib/check.h"
#include <linux/close_range.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

enum { LOW = 3, JUNK = 300, HIGH = 700, WAITERS = 5 };

static struct sockaddr_in address;
static int given[WAITERS], waited[WAITERS];

static void *by_read(void *fd) { return (void *)(long)take(*(int *)fd); }

static void *by_poll(void *fd)
{
    struct pollfd polled = { *(int *)fd, POLLIN, 0 };
    CHECK(poll(&polled, 1, -1) == 1 && polled.revents == POLLIN);
    return by_read(fd);
}

static void *by_epoll(void *fd)
{
    struct epoll_event event;
    CHECK(epoll_wait(*(int *)fd, &event, 1, -1) == 1);
    return (void *)(long)take(event.data.fd);
}

static void *by_accept(void *fd)
{
    int accepted = accept(*(int *)fd, NULL, NULL);
    CHECK(accepted >= 0);
    char word = take(accepted);
    CHECK(close(accepted) == 0);
    return (void *)(long)word;
}

static void *by_event(void *fd)
{
    eventfd_t value;
    CHECK(eventfd_read(*(int *)fd, &value) == 0);
    return (void *)value;
}

static thread_body *const bodies[WAITERS] = { by_read, by_poll, by_epoll, by_accept, by_event };
static pthread_t threads[WAITERS];

/* To a number from HIGH on, where nothing is closed. */
static int moved(int fd)
{
    int high = fcntl(fd, F_DUPFD, HIGH);
    CHECK(high >= HIGH && close(fd) == 0);
    return high;
}

static void begin_waiting(void)
{
    int ends[2];
    struct epoll_event event = { .events = EPOLLIN };
    CHECK(pipe(ends) == 0);
    waited[0] = moved(ends[0]), given[0] = moved(ends[1]);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    waited[1] = moved(ends[0]), given[1] = moved(ends[1]);
    CHECK(pipe(ends) == 0);
    waited[2] = moved(epoll_create1(0)), given[2] = moved(ends[1]);
    event.data.fd = moved(ends[0]);
    CHECK(epoll_ctl(waited[2], EPOLL_CTL_ADD, event.data.fd, &event) == 0);
    waited[3] = moved(tcp_listener(&address));
    waited[4] = moved(eventfd(0, 0)), given[4] = waited[4];
    for (int i = 0; i < WAITERS; i++)
        threads[i] = start(bodies[i], &waited[i]);
    others_run();
}

static void end_waiting(const char *how)
{
    others_run();
    for (int i = 0; i < WAITERS; i++)
        CHECK(pthread_tryjoin_np(threads[i], NULL) == EBUSY);
    given[3] = tcp_connect(&address);
    for (int i = 0; i < WAITERS - 1; i++)
        give(given[i], (char)('a' + i));
    CHECK(eventfd_write(given[4], 'e') == 0);
    for (int i = 0; i < WAITERS; i++)
        CHECK(join(threads[i]) == (void *)(long)('a' + i));
    printf("%s: five waited on and woke\n", how);
    fflush(stdout);
}

/* Opens descriptors that have been waited on, too. */
static void open_junk(void)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    pthread_t thread = start(by_read, &ends[0]);
    others_run();
    give(ends[1], 'j');
    join(thread);
    for (int i = 0; i < JUNK; i++)
        CHECK(dup(ends[i % 2]) >= 0);
}

static void by_loop(void)
{
    for (int fd = LOW; fd < HIGH; fd++)
        CHECK(close(fd) == 0 || errno == EBADF);
}

static void by_close_range(void) { CHECK(close_range(LOW, HIGH - 1, 0) == 0); }

static void check_low(void)
{
    for (int fd = LOW; fd < HIGH; fd++)
        CHECK(fcntl(fd, F_GETFD) == -1 && errno == EBADF);
}

static void in_process(const char *how, void (*close_low)(void))
{
    begin_waiting();
    for (int round = 0; round < 3; round++) {
        open_junk();
        close_low();
        check_low();
    }
    end_waiting(how);
}

static void all_by_loop(void)
{
    for (int fd = LOW; fd < 1024; fd++)
        CHECK(close(fd) == 0 || errno == EBADF);
}

static void all_by_closefrom(void) { closefrom(LOW); }
static void all_by_range(void) { CHECK(close_range(LOW, ~0U, 0) == 0); }
static void all_unshared(void) { CHECK(close_range(LOW, ~0U, CLOSE_RANGE_UNSHARE) == 0); }

/* The child has what the parent had at high numbers, and then nothing. */
static void in_child(const char *how, void (*close_all)(void))
{
    begin_waiting();
    open_junk();
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        close_all();
        check_low();
        for (int i = 0; i < WAITERS; i++)
            CHECK(fcntl(waited[i], F_GETFD) == -1 && errno == EBADF);
        others_run();
        open_junk();
        close_all();
        check_low();
        begin_waiting();
        end_waiting("  in the child");
        close_all();
        others_run();
        _exit(0);
    }
    const char *end = child_end(child);
    CHECK(strcmp(end, "exit 0") == 0);
    end_waiting(how);
    by_loop();
}

int main(void)
{
    in_process("a loop", by_loop);
    in_process("close_range", by_close_range);
    in_child("a loop in a child", all_by_loop);
    in_child("closefrom in a child", all_by_closefrom);
    in_child("close_range in a child", all_by_range);
    in_child("close_range, unshared, in a child", all_unshared);

    open_junk();
    CHECK(close_range(LOW, HIGH, CLOSE_RANGE_CLOEXEC) == 0);
    CHECK(fcntl(LOW, F_GETFD) == FD_CLOEXEC);
    FAILS(EINVAL, close_range(10, 9, 0));
    FAILS(EINVAL, close_range(3, 9, 1 << 10));
    return 0;
}
