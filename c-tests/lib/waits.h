/* A table of calls that wait, each made in four ways: beside others, interrupted
 * by a handler, interrupted by one with SA_RESTART, cancelled.
 *
 *   prepare      brings about that the call waits, however often it is called
 *   call         makes it, and leaves things so that it can be made again
 *   is_waiting   comes back when the call waits
 *   release      lets it go on
 *   restarts     it goes on after a handler with SA_RESTART
 *   is_point     it is a cancellation point
 *
 *   static struct wait waits[] = { { "flock", held, lock, is_waiting, unlock, 1, 0 } };
 *   in_four_ways(waits, COUNT(waits));
 *
 * Prints a line for each way.
 */
#ifndef WAITS_H
#define WAITS_H

#include "beside.h"
#include <sched.h>

struct wait {
    const char *name;
    void (*prepare)(void *);
    long (*call)(void);
    void (*is_waiting)(void *), (*release)(void *);
    int restarts, is_point;
};

static volatile sig_atomic_t handled;
static int entered, returned;
static const char *way;

static inline void count_signal(int number)
{
    (void)number;
    handled++;
}

static inline int holds(int *flag)
{
    return __atomic_load_n(flag, __ATOMIC_SEQ_CST);
}

static inline void *make_call(void *argument)
{
    const struct wait *wait = argument;
    __atomic_store_n(&entered, 1, __ATOMIC_SEQ_CST);
    long result = wait->call();
    int error = result == -1 ? errno : 0;
    __atomic_store_n(&returned, 1, __ATOMIC_SEQ_CST);
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL) == 0);
    printf("%s, %s: %ld %s\n", wait->name, way, result, errno_name(error));
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL) == 0);
    pthread_testcancel();
    return NULL;
}

/* For a call whose wait cannot be seen. */
static inline void is_entered(void *unused)
{
    (void)unused;
    while (!holds(&entered))
        sched_yield();
    others_run();
}

static inline pthread_t begin(struct wait *wait)
{
    wait->prepare(wait);
    entered = returned = 0;
    pthread_t caller = start(make_call, wait);
    wait->is_waiting(wait);
    return caller;
}

/* Handlers run until the call fails, or five times if it goes on. */
static inline void interrupt(struct wait *wait, int flags)
{
    way = flags == SA_RESTART ? "SA_RESTART" : "interrupted";
    int goes_on = flags == SA_RESTART && wait->restarts;
    struct sigaction action = { .sa_handler = count_signal, .sa_flags = flags };
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    pthread_t caller = begin(wait);
    for (handled = 0; goes_on ? handled < 5 : !holds(&returned); others_run())
        CHECK(pthread_kill(caller, SIGUSR1) == 0);
    CHECK(holds(&returned) == !goes_on);
    if (goes_on)
        wait->release(wait);
    join(caller);
}

static inline void cancel(struct wait *wait)
{
    way = "cancelled";
    pthread_t caller = begin(wait);
    CHECK(pthread_cancel(caller) == 0);
    if (!wait->is_point) {
        others_run();
        CHECK(!holds(&returned));
        wait->release(wait);
    }
    CHECK(join(caller) == PTHREAD_CANCELED);
    CHECK(holds(&returned) == !wait->is_point);
    printf("%s, cancelled: %s\n", wait->name, wait->is_point ? "there" : "afterwards");
}

static inline void in_four_ways(struct wait *waits, size_t count)
{
    for (struct wait *wait = waits; wait < waits + count; wait++) {
        wait->prepare(wait);
        way = "beside others";
        entered = returned = 0;
        beside(wait->name, make_call, wait->is_waiting, wait->release, wait);
        interrupt(wait, 0);
        interrupt(wait, SA_RESTART);
        cancel(wait);
    }
}

#endif
