/* connect() to a TCP listener whose queue is full waits until there is room. A
 * handler interrupts it and the connection is made all the same; SO_SNDTIMEO
 * ends the wait; it is a cancellation point; others run meanwhile: connect(2),
 * socket(7), signal(7).
 *
 * test: slow
 * test: seeds=1
 */
#include "lib/check.h"
#include <poll.h>
#include <semaphore.h>
#include <sys/time.h>

static struct sockaddr_in address;
static int listener;
static sem_t begun;

static void count(int number) { (void)number; }

static void handle_with(int flags)
{
    struct sigaction action = { .sa_handler = count, .sa_flags = flags };
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
}

/* One connection fills a queue of none: the kernel drops who comes next. */
static int listen_full(void)
{
    listener = tcp_listener(&address);
    CHECK(listen(listener, 0) == 0);
    return tcp_connect(&address);
}

static void make_room(void)
{
    int accepted = accept(listener, NULL, NULL);
    CHECK(accepted >= 0);
}

static int connect_again(int fd)
{
    return connect(fd, (struct sockaddr *)&address, sizeof address);
}

static int pending_error(int fd)
{
    int error = -1;
    socklen_t length = sizeof error;
    CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0);
    return error;
}

static void tell(const char *call, int result)
{
    printf("  %s: %d %s\n", call, result, errno_name(result == -1 ? errno : 0));
    fflush(stdout);
}

static void *connect_it(void *argument)
{
    int fd = *(int *)argument;
    CHECK(sem_post(&begun) == 0);
    tell("connect", connect_again(fd));
    return NULL;
}

static pthread_t connecting(int *fd)
{
    CHECK((*fd = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    pthread_t thread = start(connect_it, fd);
    CHECK(sem_wait(&begun) == 0);
    others_run();
    CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY);
    return thread;
}

/* The other side of `fd` is accepted and hears it. */
static void is_connected(int fd)
{
    int accepted = accept(listener, NULL, NULL);
    CHECK(accepted >= 0);
    give(fd, 'c');
    CHECK(take(accepted) == 'c');
    close(accepted), close(fd);
    puts("  connected");
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
    CHECK(sem_init(&begun, 0, 0) == 0);
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
    tell("connect", connect_again(fd));
    tell("connect", connect_again(fd));
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
