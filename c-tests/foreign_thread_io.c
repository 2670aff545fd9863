/* A SIGEV_THREAD timer's function, run by a kernel thread that glibc starts
 * itself, may do any I/O: it writes what a normal thread waits for, and reads
 * what a normal thread writes: timer_create(2), sigevent(7).
 */
#include "lib/check.h"

static int there[2], back[2];

static void expire(union sigval value)
{
    give(there[1], (char)value.sival_int);
    CHECK(take(back[0]) == 'b');
    give(there[1], 'c');
}

static void *converse(void *unused)
{
    CHECK(take(there[0]) == 'a');
    others_run();
    give(back[1], 'b');
    CHECK(take(there[0]) == 'c');
    return unused;
}

int main(void)
{
    struct sigevent event = {
        .sigev_notify = SIGEV_THREAD, .sigev_notify_function = expire,
        .sigev_value.sival_int = 'a',
    };
    struct itimerspec soon = { { 0, 0 }, { 0, 1000000 } };
    timer_t timer;
    CHECK(pipe(there) == 0 && pipe(back) == 0);
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);

    for (int round = 0; round < 5; round++) {
        pthread_t thread = start(converse, NULL);
        others_run();
        CHECK(timer_settime(timer, 0, &soon, NULL) == 0);
        join(thread);
    }
    CHECK(timer_delete(timer) == 0);
    puts("five conversations with a timer's thread");
    return 0;
}
