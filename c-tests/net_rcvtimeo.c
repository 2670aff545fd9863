/* SO_RCVTIMEO bounds the wait of recv(), read() and accept(): EAGAIN, not
 * before the time is over, while other threads run; data in time is delivered,
 * and a time of 0 waits for ever: socket(7).
 *
 * test: slow
 */
#include "lib/check.h"
#include <sys/time.h>

enum { MILLISECONDS = 60, TICK = 10 };

static void set_timeout(int fd, int milliseconds)
{
    struct timeval time = { 0, milliseconds * 1000 };
    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) == 0);
}

/* The kernel counts in clock ticks and may end the wait one tick early. */
static void end_after(double begin)
{
    double waited = seconds(CLOCK_MONOTONIC) - begin;
    CHECK(waited >= (MILLISECONDS - TICK) / 1000.0 && waited < 5);
}

#define TIMES_OUT(call)                                 \
    do {                                                \
        double begin = seconds(CLOCK_MONOTONIC);        \
        FAILS(EAGAIN, call);                            \
        end_after(begin);                               \
    } while (0)

static void *exercise(void *argument)
{
    int *ends = argument;
    char text[8];
    struct iovec piece = { text, 4 };
    struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
    set_timeout(ends[0], MILLISECONDS);

    TIMES_OUT(recv(ends[0], text, 4, 0));
    TIMES_OUT(read(ends[0], text, 4));
    TIMES_OUT(recvmsg(ends[0], &message, 0));
    TIMES_OUT(recvfrom(ends[0], text, 4, MSG_PEEK, NULL, NULL));

    give(ends[1], 'x');
    CHECK(recv(ends[0], text, 4, 0) == 1);
    give(ends[1], 'y');
    double begin = seconds(CLOCK_MONOTONIC);
    CHECK(recv(ends[0], text, 4, MSG_WAITALL) == 1);
    end_after(begin);
    puts("MSG_WAITALL: what came in time");
    return NULL;
}

static void *receive_late(void *argument)
{
    CHECK(take(*(int *)argument) == 'z');
    return NULL;
}

int main(void)
{
    int tcp[2], pair[2];
    struct sockaddr_in address;
    tcp_pair(tcp);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);

    puts("tcp");
    pthread_t thread = start(exercise, tcp);
    others_run();
    join(thread);
    puts("unix");
    join(start(exercise, pair));

    puts("listener");
    int listener = tcp_listener(&address);
    set_timeout(listener, MILLISECONDS);
    TIMES_OUT(accept(listener, NULL, NULL));
    int client = tcp_connect(&address);
    CHECK(accept(listener, NULL, NULL) >= 0);
    close(client);

    set_timeout(tcp[0], 0);
    thread = start(receive_late, &tcp[0]);
    others_run();
    give(tcp[1], 'z');
    join(thread);
    puts("0: no limit");
    return 0;
}
