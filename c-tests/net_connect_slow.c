/* connect() to a TCP listener whose queue is full waits until there is room. A
 * handler interrupts it and the connection is made all the same; SO_SNDTIMEO
 * ends the wait; it is a cancellation point; others run meanwhile: connect(2),
 * socket(7), signal(7).
 *
 * test: slow
 * test: seeds=1
 */
#include "lib/full_listener.h"
#include <poll.h>
#include <sys/time.h>

static int pending_error(int fd)
{
    int error = -1;
    socklen_t length = sizeof error;
    CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0);
    return error;
}

static void complete(int fd)
{
    struct pollfd polled = { fd, POLLOUT, 0 };
    CHECK(poll(&polled, 1, 0) == 0);
    make_room();
    CHECK(poll(&polled, 1, 20000) == 1 && polled.revents == POLLOUT);
    CHECK(pending_error(fd) == 0);
    is_connected(fd);
}

int main(void)
{
    int fd, first;
    others_run();

    puts("until there is room");
    first = listen_full();
    pthread_t thread = connecting(&fd);
    make_room();
    join(thread);
    is_connected(fd);
    close(first), close(listener);

    puts("interrupted");
    handle_with(0);
    first = listen_full();
    thread = connecting(&fd);
    CHECK(pthread_kill(thread, SIGUSR1) == 0);
    join(thread);
    CHECK(fcntl(fd, F_GETFL) == O_RDWR);
    complete(fd);
    close(first), close(listener);

    puts("with SA_RESTART");
    handle_with(SA_RESTART);
    first = listen_full();
    thread = connecting(&fd);
    CHECK(pthread_kill(thread, SIGUSR1) == 0);
    others_run();
    CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY);
    make_room();
    join(thread);
    is_connected(fd);
    close(first), close(listener);

    puts("with SO_SNDTIMEO");
    struct timeval limit = { 0, 100000 };
    first = listen_full();
    CHECK((fd = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0);
    double begin = seconds(CLOCK_MONOTONIC);
    tell_connect(fd);
    tell_connect(fd);
    CHECK(seconds(CLOCK_MONOTONIC) - begin >= 0.09);
    complete(fd);
    close(first), close(listener);

    puts("cancelled");
    first = listen_full();
    thread = connecting(&fd);
    CHECK(pthread_cancel(thread) == 0);
    puts(join(thread) == PTHREAD_CANCELED ? "  cancelled" : "  not cancelled");
    complete(fd);
    return 0;
}
