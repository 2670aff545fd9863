/* select() and pselect(): sets, time-outs, the time left that Linux writes
 * back for select() alone, and waits that hold up nobody else: select(2).
 */
#include "lib/check.h"
#include <sys/select.h>

static int first[2], second[2];

static fd_set set_of(int one, int two)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(one, &set);
    FD_SET(two, &set);
    return set;
}

static int highest(void)
{
    int top = first[0];
    for (int i = 0; i < 2; i++) {
        top = first[i] > top ? first[i] : top;
        top = second[i] > top ? second[i] : top;
    }
    return top + 1;
}

static void *wait_for_second(void *unused)
{
    fd_set readers = set_of(first[0], second[0]);
    CHECK(select(highest(), &readers, NULL, NULL, NULL) == 1);
    CHECK(!FD_ISSET(first[0], &readers) && FD_ISSET(second[0], &readers));
    return unused;
}

static void *wait_with_time_left(void *unused)
{
    fd_set readers = set_of(first[0], second[0]);
    struct timeval time = { 20, 0 };
    CHECK(select(highest(), &readers, NULL, NULL, &time) == 1);
    CHECK(time.tv_sec >= 1 && time.tv_sec < 20);
    return unused;
}

static void *wait_without_time_left(void *unused)
{
    fd_set readers = set_of(first[0], second[0]);
    struct timespec time = { 20, 0 };
    CHECK(pselect(highest(), &readers, NULL, NULL, &time, NULL) == 1);
    CHECK(time.tv_sec == 20 && time.tv_nsec == 0);
    return unused;
}

static void *timeouts(void *unused)
{
    fd_set readers = set_of(first[0], second[0]);
    struct timeval time = { 0, 30000 };
    struct timespec spec = { 0, 30000000 };
    double begin = seconds(CLOCK_MONOTONIC);

    CHECK(select(highest(), &readers, NULL, NULL, &time) == 0);
    CHECK(!FD_ISSET(first[0], &readers) && !FD_ISSET(second[0], &readers));
    CHECK(time.tv_sec == 0 && time.tv_usec == 0);
    CHECK(pselect(0, NULL, NULL, NULL, &spec, NULL) == 0);
    CHECK(spec.tv_nsec == 30000000);
    time.tv_usec = 30000;
    CHECK(select(0, NULL, NULL, NULL, &time) == 0);
    CHECK(seconds(CLOCK_MONOTONIC) - begin >= 0.09);

    readers = set_of(first[0], second[0]);
    time.tv_usec = 0;
    CHECK(select(highest(), &readers, NULL, NULL, &time) == 0);
    return unused;
}

int main(void)
{
    thread_body *waits[] = {
        wait_for_second, wait_with_time_left, wait_without_time_left,
    };
    CHECK(pipe(first) == 0 && pipe(second) == 0);

    timeouts(NULL);
    pthread_t thread = start(timeouts, NULL);
    others_run();
    join(thread);
    puts("time-outs");

    for (size_t i = 0; i < COUNT(waits); i++) {
        thread = start(waits[i], NULL);
        others_run();
        give(second[1], 'x');
        join(thread);
        CHECK(take(second[0]) == 'x');
    }
    puts("waits, with time left by select only");

    /* Both directions at once: the count is that of the bits. */
    give(first[1], 'x');
    fd_set readers = set_of(first[0], second[0]);
    fd_set writers = set_of(first[1], second[1]);
    fd_set errors = set_of(first[0], second[0]);
    CHECK(select(highest(), &readers, &writers, &errors, NULL) == 3);
    CHECK(FD_ISSET(first[0], &readers) && !FD_ISSET(second[0], &readers));
    CHECK(FD_ISSET(first[1], &writers) && FD_ISSET(second[1], &writers));
    CHECK(!FD_ISSET(first[0], &errors));
    puts("three bits, count 3");

    close(second[1]);
    readers = set_of(second[0], second[0]);
    CHECK(select(highest(), &readers, NULL, NULL, NULL) == 1);
    puts("the end of file is readable");

    readers = set_of(first[0], second[1]);
    FAILS(EBADF, select(highest(), &readers, NULL, NULL, NULL));
    CHECK(FD_ISSET(first[0], &readers) && FD_ISSET(second[1], &readers));
    FAILS(EINVAL, select(-1, NULL, NULL, NULL, NULL));
    return 0;
}
