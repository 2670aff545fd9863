/* A program without threads blocks in every call as it always did; a child
 * process answers: pipe(7), unix(7), poll(2), wait(2).
 */
#include "lib/check.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

/* The child echoes whatever comes, in a loop of plain blocking calls. */
static void echo(int from, int to)
{
    char data[512];
    ssize_t count;
    while ((count = read(from, data, sizeof data)) > 0)
        write_all(to, data, (size_t)count);
    CHECK(count == 0);
}

static void wait_all_ways(int to, int from)
{
    struct pollfd fd = { from, POLLIN, 0 };
    struct timespec time = { 20, 0 };
    fd_set set;

    give(to, 'a');
    CHECK(take(from) == 'a');
    give(to, 'b');
    CHECK(poll(&fd, 1, -1) == 1 && take(from) == 'b');
    give(to, 'c');
    CHECK(ppoll(&fd, 1, &time, NULL) == 1 && take(from) == 'c');
    give(to, 'd');
    FD_ZERO(&set);
    FD_SET(from, &set);
    CHECK(select(from + 1, &set, NULL, NULL, NULL) == 1 && take(from) == 'd');

    struct epoll_event event = { .events = EPOLLIN };
    int epoll = epoll_create1(0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, from, &event) == 0);
    give(to, 'e');
    CHECK(epoll_wait(epoll, &event, 1, -1) == 1 && take(from) == 'e');
    close(epoll);
}

static pid_t start_echo(int from, int to, int close_first, int close_second)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        close(close_first), close(close_second);
        echo(from, to);
        _exit(5);
    }
    return child;
}

int main(void)
{
    int there[2], back[2], pair[2];
    CHECK(pipe(there) == 0 && pipe(back) == 0);
    pid_t child = start_echo(there[0], back[1], there[1], back[0]);
    wait_all_ways(there[1], back[0]);
    close(there[1]);
    printf("pipes: %s\n", child_end(child));

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    child = start_echo(pair[1], pair[1], pair[0], -1);
    wait_all_ways(pair[0], pair[0]);
    CHECK(shutdown(pair[0], SHUT_WR) == 0);
    printf("socketpair: %s\n", child_end(child));

    tcp_pair(pair);
    child = start_echo(pair[1], pair[1], pair[0], -1);
    wait_all_ways(pair[0], pair[0]);
    CHECK(shutdown(pair[0], SHUT_WR) == 0);
    printf("tcp: %s\n", child_end(child));

    double begin = seconds(CLOCK_MONOTONIC);
    CHECK(usleep(20000) == 0 && poll(NULL, 0, 20) == 0);
    CHECK(seconds(CLOCK_MONOTONIC) - begin >= 0.04);
    puts("sleeps");

    char line[16];
    FILE *command = popen("echo output", "r");
    CHECK(command && fgets(line, sizeof line, command));
    CHECK(strcmp(line, "output\n") == 0 && pclose(command) == 0);
    puts("popen");
    return 0;
}
