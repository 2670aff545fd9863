/* Every way to sleep sleeps at least its time, lets others run, and wakes in
 * the order of the deadlines: sleep(3), usleep(3), nanosleep(2),
 * clock_nanosleep(2).
 *
 * test: slow
 */
#include "lib/check.h"
#include "lib/deadline.h"

static struct timespec milliseconds(long count)
{
    return (struct timespec){ count / 1000, count % 1000 * 1000000 };
}

static void *every_way(void *unused)
{
    struct timespec short_time = milliseconds(30), rest = { 7, 7 };
    clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC };

    double begin = seconds(CLOCK_MONOTONIC);
    CHECK(usleep(30000) == 0);
    CHECK(nanosleep(&short_time, &rest) == 0);
    CHECK(seconds(CLOCK_MONOTONIC) - begin >= 0.06);
    CHECK(rest.tv_sec == 7 && rest.tv_nsec == 7);

    for (size_t i = 0; i < COUNT(clocks); i++) {
        begin = seconds(clocks[i]);
        CHECK(clock_nanosleep(clocks[i], 0, &short_time, NULL) == 0);
        struct timespec deadline = time_in(clocks[i], 30);
        CHECK(clock_nanosleep(clocks[i], TIMER_ABSTIME, &deadline, NULL) == 0);
        CHECK(seconds(clocks[i]) - begin >= 0.06);
        deadline.tv_sec -= 10;
        CHECK(clock_nanosleep(clocks[i], TIMER_ABSTIME, &deadline, NULL) == 0);
    }
    CHECK(sleep(0) == 0 && usleep(0) == 0);
    return unused;
}

static void *sleep_one_second(void *unused)
{
    double begin = seconds(CLOCK_MONOTONIC);
    CHECK(sleep(1) == 0);
    CHECK(seconds(CLOCK_MONOTONIC) - begin >= 1);
    return unused;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int order[4], awake;

static void *sleep_in_order(void *argument)
{
    struct timespec time = milliseconds((long)argument);
    CHECK(nanosleep(&time, NULL) == 0);
    pthread_mutex_lock(&lock);
    order[awake++] = (int)(long)argument;
    pthread_mutex_unlock(&lock);
    return NULL;
}

int main(void)
{
    pthread_t longest = start(sleep_one_second, NULL);

    every_way(NULL);
    pthread_t thread = start(every_way, NULL);
    others_run();
    join(thread);
    puts("none woke early");

    long times[] = { 700, 250, 1, 450 };
    pthread_t sleepers[COUNT(times)];
    for (size_t i = 0; i < COUNT(times); i++)
        sleepers[i] = start(sleep_in_order, (void *)times[i]);
    for (size_t i = 0; i < COUNT(times); i++)
        join(sleepers[i]);
    for (size_t i = 1; i < COUNT(times); i++)
        CHECK(order[i - 1] < order[i]);
    printf("in order: %d %d %d %d\n", order[0], order[1], order[2], order[3]);

    join(longest);
    puts("a second is a second");

    struct timespec wrong = { 0, 1000000000 }, minus = { -1, 0 };
    struct timespec time = milliseconds(1);
    FAILS(EINVAL, nanosleep(&wrong, NULL));
    FAILS(EINVAL, nanosleep(&minus, NULL));
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &wrong, NULL) == EINVAL);
    CHECK(clock_nanosleep(99, 0, &time, NULL) == EINVAL);
    CHECK(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &time, NULL) == EINVAL);
    puts("clock_nanosleep: returns EINVAL");
    return 0;
}
