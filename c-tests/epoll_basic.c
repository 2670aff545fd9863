/* A program's own epoll: level and edge triggered, one-shot, several threads
 * on one set, time-outs, and the errors of epoll_ctl(): epoll(7).
 */
#include "lib/check.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

static int epoll, ends[2];

static int control(int operation, int fd, unsigned events)
{
    struct epoll_event event = { .events = events, .data.fd = fd };
    return epoll_ctl(epoll, operation, fd, &event);
}

static int ready(void)
{
    struct epoll_event events[4];
    return epoll_wait(epoll, events, 4, 0);
}

static void *wait_for_event(void *unused)
{
    struct epoll_event event;
    CHECK(epoll_wait(epoll, &event, 1, -1) == 1);
    CHECK(event.events == EPOLLIN && event.data.fd == ends[0]);
    return unused;
}

static void wait_once(void)
{
    pthread_t thread = start(wait_for_event, NULL);
    others_run();
    give(ends[1], 'x');
    join(thread);
}

static void triggers(void)
{
    CHECK(control(EPOLL_CTL_ADD, ends[0], EPOLLIN) == 0);
    wait_once();
    CHECK(ready() == 1 && ready() == 1);
    take(ends[0]);
    CHECK(ready() == 0);
    puts("level: while there is data");

    CHECK(control(EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLET) == 0);
    wait_once();
    CHECK(ready() == 0);
    give(ends[1], 'y');
    CHECK(ready() == 1 && ready() == 0);
    take(ends[0]), take(ends[0]);
    puts("edge: once for each arrival");

    CHECK(control(EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLONESHOT) == 0);
    wait_once();
    give(ends[1], 'y');
    CHECK(ready() == 0);
    CHECK(control(EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLONESHOT) == 0);
    CHECK(ready() == 1 && ready() == 0);
    take(ends[0]), take(ends[0]);
    CHECK(control(EPOLL_CTL_DEL, ends[0], 0) == 0);
    puts("one-shot: once until armed again");
}

enum { THREADS = 6, BYTES = 300 };

static int quit;

/* Takes bytes as they come until `quit`, which nobody reads, is ready. */
static void *work(void *unused)
{
    (void)unused;
    long taken = 0;
    for (;;) {
        struct epoll_event event;
        char byte;
        CHECK(epoll_wait(epoll, &event, 1, -1) == 1);
        if (event.data.fd == quit)
            return (void *)taken;
        ssize_t count = read(ends[0], &byte, 1);
        CHECK(count == 1 || errno == EAGAIN);
        taken += count == 1;
    }
}

static void several_threads(void)
{
    pthread_t threads[THREADS];
    quit = eventfd(0, 0);
    CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    CHECK(control(EPOLL_CTL_ADD, ends[0], EPOLLIN) == 0);
    CHECK(control(EPOLL_CTL_ADD, quit, EPOLLIN) == 0);
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(work, NULL);
    others_run();
    for (int i = 0; i < BYTES; i++)
        give(ends[1], 'x');

    /* Somebody must drain the pipe before they may go. */
    char byte;
    long taken = 0;
    while (read(ends[0], &byte, 1) == 1)
        taken++;
    CHECK(eventfd_write(quit, 1) == 0);
    for (int i = 0; i < THREADS; i++)
        taken += (long)join(threads[i]);
    CHECK(taken == BYTES);
    CHECK(control(EPOLL_CTL_DEL, ends[0], 0) == 0);
    CHECK(control(EPOLL_CTL_DEL, quit, 0) == 0);
    printf("%d threads: each of %ld bytes taken once\n", THREADS, taken);
}

static void *timeouts(void *unused)
{
    struct epoll_event event;
    struct timespec time = { 0, 30000000 };
    double begin = seconds(CLOCK_MONOTONIC);
    CHECK(epoll_wait(epoll, &event, 1, 30) == 0);
    CHECK(epoll_pwait(epoll, &event, 1, 30, NULL) == 0);
    CHECK(epoll_pwait2(epoll, &event, 1, &time, NULL) == 0);
    CHECK(seconds(CLOCK_MONOTONIC) - begin >= 0.09);
    CHECK(time.tv_nsec == 30000000);
    CHECK(epoll_wait(epoll, &event, 1, 0) == 0);
    return unused;
}

int main(void)
{
    CHECK((epoll = epoll_create1(EPOLL_CLOEXEC)) >= 0);
    CHECK(pipe(ends) == 0);
    triggers();
    several_threads();

    timeouts(NULL);
    pthread_t thread = start(timeouts, NULL);
    others_run();
    join(thread);
    puts("time-outs");

    CHECK(control(EPOLL_CTL_ADD, ends[0], EPOLLIN) == 0);
    FAILS(EEXIST, control(EPOLL_CTL_ADD, ends[0], EPOLLIN));
    FAILS(ENOENT, control(EPOLL_CTL_DEL, ends[1], 0));
    FAILS(EPERM, control(EPOLL_CTL_ADD, temporary_file(0), EPOLLIN));
    FAILS(EINVAL, control(EPOLL_CTL_ADD, epoll, EPOLLIN));
    FAILS(EBADF, control(EPOLL_CTL_ADD, -1, EPOLLIN));
    return 0;
}
