/* poll() and ppoll(): several descriptors, the error bits, all kinds of
 * time-outs, and waits that hold up nobody else: poll(2).
 */
#include "lib/check.h"
#include <poll.h>

static int first[2], second[2];

static void *wait_for_second(void *unused)
{
    (void)unused;
    struct pollfd fds[] = {
        { first[0], POLLIN, 0 }, { -1, POLLIN, 77 }, { second[0], POLLIN, 0 },
    };
    CHECK(poll(fds, 3, -1) == 1);
    CHECK(fds[0].revents == 0 && fds[1].revents == 0);
    CHECK(fds[2].revents == POLLIN);
    return NULL;
}

/* Hang-ups are reported unasked; any negative time-out means for ever. */
static void *wait_for_hangup(void *argument)
{
    struct pollfd fd = { *(int *)argument, 0, 0 };
    CHECK(poll(&fd, 1, -5) == 1 && fd.revents == POLLHUP);
    return NULL;
}

static void *wait_for_room(void *argument)
{
    struct pollfd fd = { *(int *)argument, POLLOUT, 0 };
    CHECK(ppoll(&fd, 1, NULL, NULL) == 1 && fd.revents == POLLOUT);
    return NULL;
}

static short poll_now(int fd, short events)
{
    struct pollfd wait = { fd, events, 0 };
    CHECK(poll(&wait, 1, 0) == (wait.revents != 0));
    return wait.revents;
}

static void timeouts(void)
{
    struct pollfd fd = { first[0], POLLIN, 0 };
    struct timespec time = { 0, 30000000 };
    double begin = seconds(CLOCK_MONOTONIC);
    CHECK(poll(&fd, 1, 30) == 0 && fd.revents == 0);
    CHECK(ppoll(&fd, 1, &time, NULL) == 0);
    CHECK(poll(NULL, 0, 30) == 0);
    CHECK(seconds(CLOCK_MONOTONIC) - begin >= 0.09);
    CHECK(time.tv_sec == 0 && time.tv_nsec == 30000000);
    CHECK(poll(&fd, 1, 0) == 0);
    CHECK(poll(NULL, 0, 0) == 0);
}

static void *timeouts_in_thread(void *unused)
{
    timeouts();
    return unused;
}

int main(void)
{
    CHECK(pipe(first) == 0 && pipe(second) == 0);
    timeouts();
    pthread_t thread = start(timeouts_in_thread, NULL);
    others_run();
    join(thread);
    puts("time-outs");

    thread = start(wait_for_second, NULL);
    others_run();
    give(second[1], 'x');
    join(thread);
    puts("waits for the second of three");

    thread = start(wait_for_hangup, &first[0]);
    others_run();
    close(first[1]);
    join(thread);
    puts("waits for a hang-up");

    CHECK(fcntl(second[1], F_SETFL, O_NONBLOCK) == 0);
    while (write(second[1], "x", 1) == 1)
        ;
    CHECK(poll_now(second[1], POLLOUT) == 0);
    thread = start(wait_for_room, &second[1]);
    others_run();
    static char data[1 << 16];
    CHECK(read(second[0], data, sizeof data) > 0);
    join(thread);
    puts("waits for room");

    CHECK(poll_now(first[0], POLLIN) == POLLHUP);
    close(second[0]);
    CHECK(poll_now(second[1], POLLOUT) == (POLLOUT | POLLERR));
    CHECK(poll_now(second[0], POLLIN) == POLLNVAL);
    CHECK(poll_now(temporary_file(0), POLLIN | POLLOUT) == (POLLIN | POLLOUT));
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CHECK(poll_now(pair[0], POLLIN | POLLOUT) == POLLOUT);
    CHECK(shutdown(pair[1], SHUT_WR) == 0);
    CHECK(poll_now(pair[0], POLLIN | POLLRDHUP) == (POLLIN | POLLRDHUP));
    close(pair[1]);
    CHECK(poll_now(pair[0], POLLIN) == (POLLIN | POLLHUP));
    puts("error bits");
    return 0;
}
