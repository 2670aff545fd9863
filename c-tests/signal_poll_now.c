/* poll, ppoll, select, pselect and epoll_wait that only look, with a time limit of
 * zero, do not fail with EINTR in a thread that handles no signal: not in a program
 * without handlers, and not while another thread handles a signal every 100
 * microseconds: poll(2), select(2), epoll_wait(2), signal(7).
 *
 * test: timeout=20
 * test: env=GREEN_SLICE_MS=10
 * test: slow
 */
#include "lib/check.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/time.h>

enum { CALL_MS = 120 };

static int quiet[2], epoll;
static long handled;

static int by_poll(void)
{
    return poll(&(struct pollfd){ quiet[0], POLLIN, 0 }, 1, 0);
}

static int by_ppoll(void)
{
    struct timespec none = { 0, 0 };
    return ppoll(&(struct pollfd){ quiet[0], POLLIN, 0 }, 1, &none, NULL);
}

static int by_select(void)
{
    struct timeval none = { 0, 0 };
    fd_set readers;
    FD_ZERO(&readers);
    FD_SET(quiet[0], &readers);
    return select(quiet[0] + 1, &readers, NULL, NULL, &none);
}

static int by_pselect(void)
{
    struct timespec none = { 0, 0 };
    fd_set readers;
    FD_ZERO(&readers);
    FD_SET(quiet[0], &readers);
    return pselect(quiet[0] + 1, &readers, NULL, NULL, &none, NULL);
}

static int by_epoll_wait(void)
{
    struct epoll_event event;
    return epoll_wait(epoll, &event, 1, 0);
}

static const struct way {
    const char *name;
    int (*look)(void);
} ways[] = {
    { "poll", by_poll }, { "ppoll", by_ppoll }, { "select", by_select }, { "pselect", by_pselect },
    { "epoll_wait", by_epoll_wait },
};

static void *look_often(void *argument)
{
    const struct way *way = argument;
    sigset_t alarms;
    long calls = 0, failed = 0;
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    CHECK(pthread_sigmask(SIG_BLOCK, &alarms, NULL) == 0);
    for (double end = seconds(CLOCK_MONOTONIC) + CALL_MS / 1e3; seconds(CLOCK_MONOTONIC) < end; calls++) {
        int result = way->look();
        CHECK(result == 0 || (result == -1 && errno == EINTR));
        failed += result == -1;
    }
    CHECK(calls > 0);
    if (failed)
        dprintf(2, "%s: %ld of %ld\n", way->name, failed, calls);
    printf("  %s: failed with EINTR %d\n", way->name, failed > 0);
    return NULL;
}

static void all(const char *name)
{
    puts(name);
    for (size_t i = 0; i < COUNT(ways); i++)
        join(start(look_often, (void *)&ways[i]));
    fflush(stdout);
}

static void on_alarm(int number)
{
    (void)number;
    __atomic_add_fetch(&handled, 1, __ATOMIC_SEQ_CST);
}

static void *doze(void *unused)
{
    struct timespec millisecond = { 0, 1000000 };
    for (;;)
        nanosleep(&millisecond, NULL);
    return unused;
}

int main(void)
{
    struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
    struct itimerval often = { { 0, 100 }, { 0, 100 } };
    struct epoll_event event = { .events = EPOLLIN };
    CHECK(pipe(quiet) == 0 && (epoll = epoll_create1(0)) >= 0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, quiet[0], &event) == 0);
    start(doze, NULL);
    all("no handlers");
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    all("another thread handles alarms");
    CHECK(setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL) == 0);
    CHECK(handled > 10);
    return 0;
}
