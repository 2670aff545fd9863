/* Whatever a child does with its descriptors leaves the parent's alone: it closes all of
 * them by close_range, closefrom or one by one, opens others under the same numbers, waits
 * for these in read, poll and an epoll set of its own, and uses the inherited epoll set,
 * whose members are shared. The parent's threads wait on meanwhile and are woken by their
 * own events, among them one that comes while the child waits for the same: fork(2),
 * epoll(7), close_range(2), closefrom(3).
 */
#include "lib/check.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

enum { ROUNDS = 3 };

static int piped[2], polled[2], watched[2], set, event, gate[2];
static struct sockaddr_in address;
static int listener;

static void *by_read(void *unused) { (void)unused; return (void *)(long)take(piped[0]); }

static void *by_poll(void *unused)
{
    (void)unused;
    struct pollfd two[] = { { polled[0], POLLIN, 0 }, { gate[0], POLLIN, 0 } };
    CHECK(poll(two, 2, -1) == 1 && two[0].revents == POLLIN && two[1].revents == 0);
    return (void *)(long)take(polled[0]);
}

static void *by_epoll(void *unused)
{
    (void)unused;
    struct epoll_event got;
    CHECK(epoll_wait(set, &got, 1, -1) == 1 && got.data.fd == watched[0]);
    return (void *)(long)take(watched[0]);
}

static void *by_eventfd(void *unused)
{
    (void)unused;
    eventfd_t value;
    CHECK(eventfd_read(event, &value) == 0);
    return (void *)(long)value;
}

static void *by_accept(void *unused)
{
    (void)unused;
    int end = accept(listener, NULL, NULL);
    CHECK(end >= 0);
    char word = take(end);
    CHECK(close(end) == 0);
    return (void *)(long)word;
}

static thread_body *const waits[] = { by_read, by_poll, by_epoll, by_eventfd, by_accept };

static void close_all(int way)
{
    if (way == 0)
        CHECK(close_range(3, ~0U, 0) == 0);
    else if (way == 1)
        closefrom(3);
    else
        for (int fd = 3; fd < 1024; fd++)
            close(fd);
    CHECK(fcntl(piped[0], F_GETFD) == -1 && errno == EBADF);
}

static void *answer_on(void *end)
{
    CHECK(take(*(int *)end) == 'q');
    give(*(int *)end, 'a');
    return NULL;
}

/* Others under the same numbers, waited for in all ways. */
static void be_child(int way)
{
    int ends[2];
    struct epoll_event in = { .events = EPOLLIN | EPOLLET }, got;
    close_all(way);
    others_run();
    for (int i = 0; i < 10; i++)
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    CHECK(ends[1] > listener || ends[1] > set);
    pthread_t thread = start(answer_on, &ends[1]);
    int own = epoll_create1(0);
    CHECK(own >= 0 && epoll_ctl(own, EPOLL_CTL_ADD, ends[0], &in) == 0);
    give(ends[0], 'q');
    CHECK(epoll_wait(own, &got, 1, -1) == 1 && take(ends[0]) == 'a');
    join(thread);
    thread = start(answer_on, &ends[1]);
    struct pollfd one = { ends[0], POLLIN, 0 };
    give(ends[0], 'q');
    CHECK(poll(&one, 1, -1) == 1 && take(ends[0]) == 'a');
    join(thread);
    close_all(2 - way);
    others_run();
    _exit(0);
}

/* The inherited set is the parent's set: what is added to it here is reported there. */
static void share_set(int extra)
{
    struct epoll_event in = { .events = EPOLLIN, .data.fd = extra }, got;
    CHECK(epoll_wait(set, &got, 1, 0) == 0);
    CHECK(epoll_ctl(set, EPOLL_CTL_ADD, extra, &in) == 0);
    CHECK(epoll_wait(set, &got, 1, -1) == 1 && got.data.fd == extra);
    CHECK(epoll_ctl(set, EPOLL_CTL_DEL, extra, &in) == 0);
    CHECK(close(set) == 0);
    others_run();
    _exit(0);
}

static void round_of(int round)
{
    pthread_t threads[COUNT(waits)];
    for (size_t i = 0; i < COUNT(waits); i++)
        threads[i] = start(waits[i], NULL);
    others_run();
    for (int way = 0; way < 3; way++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            be_child(way);
        CHECK(strcmp(child_end(child), "exit 0") == 0);
        others_run();
    }
    for (size_t i = 0; i < COUNT(waits); i++)
        CHECK(pthread_tryjoin_np(threads[i], NULL) == EBUSY);
    give(piped[1], (char)('a' + round)), give(polled[1], (char)('a' + round));
    give(watched[1], (char)('a' + round));
    CHECK(eventfd_write(event, (eventfd_t)('a' + round)) == 0);
    int client = tcp_connect(&address);
    give(client, (char)('a' + round));
    for (size_t i = 0; i < COUNT(waits); i++)
        CHECK(join(threads[i]) == (void *)(long)('a' + round));
    CHECK(close(client) == 0);
}

int main(void)
{
    struct epoll_event in = { .events = EPOLLIN };
    int extra[2];
    CHECK(pipe(piped) == 0 && pipe(polled) == 0 && pipe(watched) == 0 && pipe(gate) == 0);
    CHECK(pipe(extra) == 0);
    CHECK((set = epoll_create1(0)) >= 0 && (event = eventfd(0, 0)) >= 0);
    listener = tcp_listener(&address);
    in.data.fd = watched[0];
    CHECK(epoll_ctl(set, EPOLL_CTL_ADD, watched[0], &in) == 0);
    for (int round = 0; round < ROUNDS; round++)
        round_of(round);
    printf("%d rounds: five waited on and woke\n", ROUNDS);

    give(extra[1], 'x');
    for (int in_thread = 0; in_thread < 2; in_thread++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            if (in_thread)
                others_run();
            share_set(extra[0]);
        }
        printf("the inherited epoll set: %s\n", child_end(child));
        round_of(ROUNDS);
    }
    return 0;
}
