/* Three threads at once wait for 3,000 descriptors by poll, ppoll, select (as
 * many as an fd_set takes) and epoll: each wakes for the one that becomes
 * ready, wherever it stands, and is told of all when all are. Where the limit
 * of descriptors is lower, they are fewer: poll(2), select(2), epoll(7).
 *
 * test: slow
 */
#include "lib/check.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>

enum { MOST = 3000, SPARE = 100, WAITERS = 3 };

static int events[MOST], many = MOST, selectable;

/* Each fills in which are ready and returns how many. */
typedef int waiting(char *ready);

static struct pollfd *all_polled(void)
{
    struct pollfd *polled = malloc(sizeof *polled * (size_t)many);
    CHECK(polled);
    for (int i = 0; i < many; i++)
        polled[i] = (struct pollfd){ events[i], POLLIN, 0 };
    return polled;
}

static int told(struct pollfd *polled, int count, char *ready)
{
    for (int i = 0; i < many; i++) {
        CHECK(polled[i].revents == 0 || polled[i].revents == POLLIN);
        ready[i] = polled[i].revents != 0;
    }
    free(polled);
    return count;
}

static int by_poll(char *ready)
{
    struct pollfd *polled = all_polled();
    return told(polled, poll(polled, (nfds_t)many, -1), ready);
}

static int by_ppoll(char *ready)
{
    struct timespec day = { 86400, 0 };
    struct pollfd *polled = all_polled();
    return told(polled, ppoll(polled, (nfds_t)many, &day, NULL), ready);
}

static int by_select(char *ready)
{
    fd_set set;
    FD_ZERO(&set);
    for (int i = 0; i < selectable; i++)
        FD_SET(events[i], &set);
    int count = select(FD_SETSIZE, &set, NULL, NULL, NULL);
    for (int i = 0; i < selectable; i++)
        ready[i] = FD_ISSET(events[i], &set) != 0;
    return count;
}

/* Three calls are enough for all: those told of come last the next time. */
static int by_epoll(char *ready)
{
    static __thread struct epoll_event told_of[MOST / 3];
    int set = epoll_create1(0), third = many / 3, total = 0;
    CHECK(set >= 0);
    for (int i = 0; i < many; i++) {
        struct epoll_event event = { .events = EPOLLIN, .data.u32 = (unsigned)i };
        CHECK(epoll_ctl(set, EPOLL_CTL_ADD, events[i], &event) == 0);
    }
    int count = epoll_wait(set, told_of, third, -1);
    while (count > 0 && total < many) {
        for (int i = 0; i < count; i++) {
            total += !ready[told_of[i].data.u32];
            ready[told_of[i].data.u32] = 1;
        }
        if (count < third)
            break;
        count = epoll_wait(set, told_of, third, 0);
    }
    close(set);
    return total;
}

static const struct way {
    const char *name;
    waiting *wait;
} ways[] = {
    { "poll", by_poll }, { "ppoll", by_ppoll }, { "select", by_select }, { "epoll", by_epoll },
};

struct waiter {
    waiting *wait;
    int count;
    char ready[MOST];
};

static void *wait_for_some(void *argument)
{
    struct waiter *own = argument;
    own->count = own->wait(own->ready);
    return NULL;
}

/* `first` to `last` become ready. */
static void wakes_for(const struct way *way, int first, int last)
{
    static struct waiter waiters[WAITERS];
    pthread_t threads[WAITERS];
    eventfd_t value;
    for (int i = 0; i < WAITERS; i++) {
        memset(&waiters[i], 0, sizeof waiters[i]);
        waiters[i].wait = way->wait;
    }
    /* All must be told of all: then they look when all are ready. */
    for (int i = 0; i < WAITERS && first == last; i++)
        threads[i] = start(wait_for_some, &waiters[i]);
    others_run();
    for (int i = first; i <= last; i++)
        CHECK(eventfd_write(events[i], 1) == 0);
    for (int i = 0; i < WAITERS && first < last; i++)
        threads[i] = start(wait_for_some, &waiters[i]);
    for (int i = 0; i < WAITERS; i++) {
        join(threads[i]);
        CHECK(waiters[i].count == last - first + 1);
        for (int j = first; j <= last; j++)
            CHECK(waiters[i].ready[j]);
    }
    for (int i = first; i <= last; i++)
        CHECK(eventfd_read(events[i], &value) == 0 && value == 1);
}

int main(void)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_cur < MOST + SPARE)
        many = (int)(limit.rlim_cur - SPARE) / 3 * 3;
    for (int i = 0; i < many; i++) {
        CHECK((events[i] = eventfd(0, 0)) >= 0);
        selectable += events[i] < FD_SETSIZE;
    }
    for (size_t i = 0; i < COUNT(ways); i++) {
        int count = ways[i].wait == by_select ? selectable : many;
        int chosen[] = { 0, count / 2, count - 1, 0 };
        for (size_t j = 0; j < COUNT(chosen); j++)
            wakes_for(&ways[i], chosen[j], chosen[j]);
        wakes_for(&ways[i], 0, count - 1);
        printf("%s: woke for the first, one between, the last, and all\n", ways[i].name);
    }
    return 0;
}
