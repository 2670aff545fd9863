/* A time that is none is no reason for a timed join to fail: glibc waits on,
 * and joins a thread that has ended; one before 1970 is over, and no time at all
 * is for ever: pthread_timedjoin_np(3).
 */
#include "lib/check.h"

static int quiet[2];
static const struct timespec too_long = { 1, 1000000000 }, before_1970 = { -1, 0 };

static void *read_byte(void *value)
{
    CHECK(take(quiet[0]) == 'x');
    return value;
}

static void *give_byte(void *unused)
{
    others_run();
    give(quiet[1], 'x');
    return unused;
}

static int timedjoin(pthread_t thread, void **value, const struct timespec *at)
{
    return pthread_timedjoin_np(thread, value, at);
}

static int clockjoin(pthread_t thread, void **value, const struct timespec *at)
{
    return pthread_clockjoin_np(thread, value, CLOCK_MONOTONIC, at);
}

typedef int join_way(pthread_t, void **, const struct timespec *);

static void joined(const char *name, join_way *way, const struct timespec *at)
{
    void *value = "nothing";
    pthread_t thread = start(read_byte, "its value"), giver = start(give_byte, NULL);
    int error = way(thread, &value, at);
    printf("%s: %s, %s\n", name, errno_name(error), (char *)value);
    if (error != 0)
        join(thread);
    join(giver);
}

static void try_all(join_way *way)
{
    void *value = "nothing";
    pthread_t thread = start(read_byte, "its value");
    printf("running, before 1970: %s\n", errno_name(way(thread, &value, &before_1970)));
    printf("running, the wrong thread: %s\n",
           errno_name(way(pthread_self(), &value, &too_long)));
    give(quiet[1], 'x');
    join(thread);

    joined("no time", way, NULL);
    joined("too many nanoseconds", way, &too_long);
}

int main(void)
{
    CHECK(pipe(quiet) == 0);
    puts("pthread_timedjoin_np");
    try_all(timedjoin);
    puts("pthread_clockjoin_np");
    try_all(clockjoin);
    return 0;
}
