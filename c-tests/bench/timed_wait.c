/* What a time-out costs that never comes: two threads hand over the turn, COUNT turns
 * in all, by a condition and by a byte through a pipe, each waiting with a limit of
 * 100 s: pthread_cond_timedwait(3), poll(2).
 *
 *     timed_wait COUNT
 */
#include "turns.h"

#include <poll.h>

enum { LIMIT = 100 };           /* seconds */

static void wait_in_time(void)
{
    struct timespec limit;
    CHECK(clock_gettime(CLOCK_REALTIME, &limit) == 0);
    limit.tv_sec += LIMIT;
    CHECK(pthread_cond_timedwait(&changed, &lock, &limit) == 0);
}

static void *take_turns(void *parity) { return take_turns_by(parity, wait_in_time); }

struct ends {
    int from, to;
};

static void take_in_time(int fd)
{
    struct pollfd entry = { .fd = fd, .events = POLLIN };
    CHECK(poll(&entry, 1, LIMIT * 1000) == 1);
    take(fd);
}

static void *answer(void *argument)
{
    const struct ends *ends = argument;
    for (long round = 0; round < turns / 2; round++) {
        take_in_time(ends->from);
        give(ends->to, 'x');
    }
    return NULL;
}

int main(int count, char **arguments)
{
    int there[2], back[2];

    turns = number_argument(count, arguments, 1, 200000) & ~1L;
    CHECK(turns > 0);
    bench_turns("timed_cond", take_turns);

    CHECK(pipe(there) == 0 && pipe(back) == 0);
    struct ends ends = { there[0], back[1] };
    double begin = now();
    pthread_t other = start(answer, &ends);
    for (long round = 0; round < turns / 2; round++) {
        give(there[1], 'x');
        take_in_time(back[0]);
    }
    join(other);
    report_each("timed_poll", begin, turns);
    return 0;
}
