/* A signal handler without SA_RESTART ends nanosleep(), read(), accept() and
 * poll() with EINTR, the time left is sane; with SA_RESTART reads go on, but
 * sleeps and polls still end: signal(7), alarm(2), nanosleep(2).
 *
 * test: slow
 */
#include "lib/check.h"
#include <poll.h>
#include <sys/select.h>
#include <sys/time.h>

static int ends[2], listener;
static volatile sig_atomic_t caught, write_at;

static void handle(int number)
{
    int saved = errno;
    (void)number;
    if (++caught == write_at && write(ends[1], "x", 1) != 1)
        _exit(1);
    errno = saved;
}

/* The timer repeats: a signal that comes between two calls does no harm. */
static void signals(int flags, long microseconds)
{
    struct sigaction action = { .sa_handler = handle, .sa_flags = flags };
    struct itimerval timer = { { 0, microseconds }, { 0, microseconds } };
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    caught = write_at = 0;
}

static void sleep_and_poll(void)
{
    struct timespec time = { 20, 0 }, rest = { 0, 0 };
    struct pollfd fd = { ends[0], POLLIN, 0 };
    fd_set set;
    FD_ZERO(&set);
    FD_SET(ends[0], &set);

    FAILS(EINTR, nanosleep(&time, &rest));
    CHECK(rest.tv_sec >= 1 && rest.tv_sec < 20);
    CHECK(rest.tv_nsec >= 0 && rest.tv_nsec < 1000000000);
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &time, &rest) == EINTR);
    CHECK(rest.tv_sec >= 1 && rest.tv_sec < 20);
    FAILS(EINTR, usleep(20000000));
    FAILS(EINTR, poll(&fd, 1, 20000));
    FAILS(EINTR, ppoll(&fd, 1, &time, NULL));
    FAILS(EINTR, poll(&fd, 1, -1));
    FAILS(EINTR, select(ends[0] + 1, &set, NULL, NULL, NULL));
}

int main(void)
{
    char byte;
    struct sockaddr_in address;
    CHECK(pipe(ends) == 0);
    listener = tcp_listener(&address);
    others_run();

    puts("without SA_RESTART");
    signals(0, 30000);
    sleep_and_poll();
    FAILS(EINTR, read(ends[0], &byte, 1));
    FAILS(EINTR, accept(listener, NULL, NULL));
    CHECK(sleep(20) > 0);
    CHECK(caught > 0);

    puts("with SA_RESTART");
    signals(SA_RESTART, 30000);
    sleep_and_poll();
    CHECK(caught > 0);
    write_at = caught + 3;
    CHECK(read(ends[0], &byte, 1) == 1 && byte == 'x');
    CHECK(caught >= write_at);
    puts("read: went on over three signals");

    /* The single alarm() of old. */
    signals(0, 0);
    double begin = seconds(CLOCK_MONOTONIC);
    CHECK(alarm(1) == 0);
    FAILS(EINTR, read(ends[0], &byte, 1));
    CHECK(seconds(CLOCK_MONOTONIC) - begin >= 0.9);
    CHECK(caught == 1 && alarm(0) == 0);
    return 0;
}
