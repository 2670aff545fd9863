/* What a time-out costs that never comes: two threads hand over the turn, COUNT turns
 * in all, by a condition and by a byte through a pipe, each waiting with a limit of
 * 100 s: pthread_cond_timedwait(3), poll(2).
 *
 *     timed_wait COUNT
 */
#include "bench.h"

#include <poll.h>

enum { LIMIT = 100 };           /* seconds */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long turn, turns;

static void *take_turns(void *argument)
{
    long parity = (long)argument;
    struct timespec limit;

    pthread_mutex_lock(&lock);
    while (turn < turns) {
        if (turn % 2 == parity) {
            turn++;
            pthread_cond_signal(&changed);
        } else {
            CHECK(clock_gettime(CLOCK_REALTIME, &limit) == 0);
            limit.tv_sec += LIMIT;
            CHECK(pthread_cond_timedwait(&changed, &lock, &limit) == 0);
        }
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

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
    double begin = now();
    pthread_t other = start(take_turns, (void *)1);
    take_turns((void *)0);
    join(other);
    report_each("timed_cond", begin, turns);

    CHECK(pipe(there) == 0 && pipe(back) == 0);
    struct ends ends = { there[0], back[1] };
    begin = now();
    other = start(answer, &ends);
    for (long round = 0; round < turns / 2; round++) {
        give(there[1], 'x');
        take_in_time(back[0]);
    }
    join(other);
    report_each("timed_poll", begin, turns);
    return 0;
}
