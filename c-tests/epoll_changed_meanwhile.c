/* What is done to a set while threads wait for it in epoll_wait(): a ready
 * descriptor is added, interest is changed, a member goes away, hangs up or is
 * closed. Sets within sets, and times of nanoseconds: epoll(7), epoll_ctl(2),
 * epoll_wait(2).
 */
#include "lib/beside.h"
#include <poll.h>
#include <sys/epoll.h>

static int set, reader, writer, pair[2], nested[4];

static int control(int into, int operation, int fd, unsigned events)
{
    struct epoll_event event = { .events = events, .data.fd = fd };
    return epoll_ctl(into, operation, fd, &event);
}

static void tell(int result, const struct epoll_event *event)
{
    static const struct { unsigned bit; const char *name; } bits[] = {
        { EPOLLIN, "IN" }, { EPOLLOUT, "OUT" }, { EPOLLRDHUP, "RDHUP" }, { EPOLLPRI, "PRI" },
        { EPOLLERR, "ERR" }, { EPOLLHUP, "HUP" },
    };
    printf("  epoll_wait: %d %s", result, errno_name(result == -1 ? errno : 0));
    for (size_t i = 0; result > 0 && i < COUNT(bits); i++)
        if (event->events & bits[i].bit)
            printf(" %s", bits[i].name);
    puts("");
}

static void *wait_long(void *unused)
{
    struct epoll_event event;
    tell(epoll_wait(set, &event, 1, 20000), &event);
    return unused;
}

static void *wait_little(void *unused)
{
    struct epoll_event event;
    tell(epoll_wait(set, &event, 1, 100), &event);
    return unused;
}

/* The thread is about to wait; the round of others_run() that follows, and the
 * twenty ticks, let it get there. */
static void announced(void *unused)
{
    (void)unused;
    others_run();
}

static void add_ready(void *unused)
{
    (void)unused;
    give(writer, 'x');
    CHECK(control(set, EPOLL_CTL_ADD, reader, EPOLLIN) == 0);
}

static void ask_for_input(void *unused)
{
    (void)unused;
    CHECK(control(set, EPOLL_CTL_MOD, reader, EPOLLIN) == 0);
}

static void remove_then_write(void *unused)
{
    (void)unused;
    CHECK(control(set, EPOLL_CTL_DEL, reader, 0) == 0);
    give(writer, 'x');
}

static void close_then_write(void *unused)
{
    (void)unused;
    int other = dup(reader);
    CHECK(control(set, EPOLL_CTL_DEL, reader, 0) == 0 && close(reader) == 0);
    reader = other;
    give(writer, 'x');
}

static void close_writer(void *unused)
{
    (void)unused;
    CHECK(close(writer) == 0);
}

static void shut_down_peer(void *unused)
{
    (void)unused;
    CHECK(shutdown(pair[1], SHUT_WR) == 0);
}

static void close_peer(void *unused)
{
    (void)unused;
    CHECK(close(pair[1]) == 0);
}

static void open_pipe(void)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    reader = ends[0], writer = ends[1];
}

static void event_of(const char *what, thread_body *wait, void (*release)(void *))
{
    puts(what);
    fflush(stdout);
    beside(what, wait, announced, release, NULL);
}

static void *wait_nested(void *unused)
{
    struct epoll_event event;
    struct pollfd outermost = { nested[0], POLLIN, 0 };
    CHECK(poll(&outermost, 1, -1) == 1 && outermost.revents == POLLIN);
    for (size_t i = 0; i < COUNT(nested); i++)
        CHECK(epoll_wait(nested[i], &event, 1, 0) == 1);
    CHECK(event.data.fd == reader);
    return unused;
}

static void write_one(void *unused)
{
    (void)unused;
    give(writer, 'x');
}

static void sets_in_sets(void)
{
    for (size_t i = 0; i < COUNT(nested); i++)
        CHECK((nested[i] = epoll_create1(0)) >= 0);
    for (size_t i = 0; i + 1 < COUNT(nested); i++)
        CHECK(control(nested[i], EPOLL_CTL_ADD, nested[i + 1], EPOLLIN) == 0);
    CHECK(control(nested[COUNT(nested) - 1], EPOLL_CTL_ADD, reader, EPOLLIN) == 0);
    event_of("four sets, one in the other", wait_nested, write_one);
    CHECK(take(reader) == 'x');
    FAILS(ELOOP, control(nested[3], EPOLL_CTL_ADD, nested[0], EPOLLIN));
}

static void times(void)
{
    struct epoll_event event;
    struct timespec brief = { 0, 1 }, longer = { 0, 30000001 }, wrong = { 0, 1000000000 };
    double begin = seconds(CLOCK_MONOTONIC);
    CHECK(epoll_pwait2(set, &event, 1, &brief, NULL) == 0);
    CHECK(epoll_pwait2(set, &event, 1, &longer, NULL) == 0);
    CHECK(seconds(CLOCK_MONOTONIC) - begin >= 0.030000002);
    FAILS(EINVAL, epoll_pwait2(set, &event, 1, &wrong, NULL));
    FAILS(EINVAL, epoll_wait(set, &event, 0, 0));
    FAILS(EINVAL, epoll_wait(reader, &event, 1, 0));
    FAILS(EBADF, epoll_wait(-1, &event, 1, 0));
    FAILS(EFAULT, epoll_ctl(set, EPOLL_CTL_ADD, reader, NULL));
}

int main(void)
{
    CHECK((set = epoll_create1(0)) >= 0);
    open_pipe();
    event_of("added when ready", wait_long, add_ready);
    CHECK(control(set, EPOLL_CTL_MOD, reader, 0) == 0);
    event_of("changed to what it is ready for", wait_long, ask_for_input);
    take(reader);
    event_of("removed, then written to", wait_little, remove_then_write);
    take(reader);
    CHECK(control(set, EPOLL_CTL_ADD, reader, EPOLLIN) == 0);
    event_of("removed and closed, then written to", wait_little, close_then_write);
    take(reader);
    CHECK(control(set, EPOLL_CTL_ADD, reader, EPOLLIN) == 0);
    event_of("the writer closed", wait_long, close_writer);
    CHECK(close(reader) == 0);
    open_pipe();
    sets_in_sets();

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CHECK(control(set, EPOLL_CTL_ADD, pair[0], EPOLLRDHUP) == 0);
    event_of("the peer has shut down", wait_long, shut_down_peer);
    CHECK(control(set, EPOLL_CTL_MOD, pair[0], EPOLLET) == 0);
    struct epoll_event event;
    CHECK(epoll_wait(set, &event, 1, 0) == 0);
    event_of("the peer has closed", wait_long, close_peer);
    CHECK(close(pair[0]) == 0);
    times();
    return 0;
}
