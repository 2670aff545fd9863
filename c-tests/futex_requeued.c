/* A futex waiter that is requeued keeps its bits and its time limit, and a
 * handler that runs in it ends the wait; some can be woken and some moved, to and
 * fro: futex(2).
 */
#include "lib/check.h"
#include "lib/deadline.h"
#include "lib/futex.h"

static word first, second;
static int handled;

static long requeue(int wakes, long moves, word *to)
{
    return futex(&first, FUTEX_CMP_REQUEUE_PRIVATE, (word)wakes, (void *)moves, to, 0);
}

static long wake_bits(word *at, int count, word bits)
{
    return futex(at, FUTEX_WAKE_BITSET_PRIVATE, (word)count, NULL, NULL, bits);
}

/* ---- sleepers --------------------------------------------------------------- */

struct sleeper {
    pthread_t thread;
    word bits;
    long milliseconds; /* 0: for ever */
    int error;
};

static void *sleep_on_first(void *argument)
{
    struct sleeper *sleeper = argument;
    struct timespec limit, *at = NULL;
    if (sleeper->milliseconds) {
        limit = time_in(CLOCK_MONOTONIC, sleeper->milliseconds);
        at = &limit;
    }
    long result = futex(&first, FUTEX_WAIT_BITSET_PRIVATE, 0, at, NULL, sleeper->bits);
    sleeper->error = result == 0 ? 0 : errno;
    return NULL;
}

/* A requeue to the same word counts the sleepers and moves none. */
static void start_sleepers(struct sleeper *sleepers, int count)
{
    for (int i = 0; i < count; i++)
        sleepers[i].thread = start(sleep_on_first, &sleepers[i]);
    while (requeue(0, INT_MAX, &first) < count)
        sched_yield();
}

static void keeps_bits(void)
{
    struct sleeper sleepers[] = { { .bits = 1 }, { .bits = 2 }, { .bits = 4 }, { .bits = 6 } };
    start_sleepers(sleepers, 4);
    printf("moved: %ld, ", requeue(0, INT_MAX, &second));
    printf("bits 7 of the first: %ld, 8 of the second: %ld, ", wake_bits(&first, INT_MAX, 7),
           wake_bits(&second, INT_MAX, 8));
    printf("1: %ld, ", wake_bits(&second, INT_MAX, 1));
    join(sleepers[0].thread);
    printf("4, one: %ld, ", wake_bits(&second, 1, 4));
    printf("4: %ld, ", wake_bits(&second, INT_MAX, 4));
    join(sleepers[2].thread), join(sleepers[3].thread);
    printf("all: %ld\n", wake(&second, INT_MAX));
    join(sleepers[1].thread);
}

static void keeps_limit(void)
{
    struct sleeper sleepers[] = { { .bits = 1, .milliseconds = 500 }, { .bits = 1 } };
    start_sleepers(sleepers, 2);
    printf("moved: %ld", requeue(0, INT_MAX, &second));
    join(sleepers[0].thread);
    printf(", with a limit: %s", errno_name(sleepers[0].error));
    printf(", left: %ld", wake(&second, INT_MAX));
    join(sleepers[1].thread);
    printf(", without: %s\n", errno_name(sleepers[1].error));
}

static void handle(int number)
{
    (void)number;
    handled++;
}

static void interrupted(void)
{
    struct sleeper sleepers[] = { { .bits = 1 }, { .bits = 1 } };
    CHECK(sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = handle }, NULL) == 0);
    start_sleepers(sleepers, 2);
    CHECK(requeue(0, 1, &second) == 1);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_kill(sleepers[i].thread, SIGUSR1) == 0);
    for (int i = 0; i < 2; i++)
        join(sleepers[i].thread);
    printf("handlers: %d, %s and %s, left: %ld and %ld\n", handled,
           errno_name(sleepers[0].error), errno_name(sleepers[1].error), wake(&first, INT_MAX),
           wake(&second, INT_MAX));
}

/* Wakes one, moves two of the three that are left. */
static void some(void)
{
    struct sleeper sleepers[4] = { { .bits = 1 }, { .bits = 1 }, { .bits = 1 }, { .bits = 1 } };
    start_sleepers(sleepers, 4);
    printf("woken and moved: %ld", requeue(1, 2, &second));
    printf(", back: %ld", futex(&second, FUTEX_CMP_REQUEUE_PRIVATE, 0, (void *)1L, &first, 0));
    printf(", first: %ld, second: %ld\n", wake(&first, INT_MAX), wake(&second, INT_MAX));
    for (int i = 0; i < 4; i++)
        join(sleepers[i].thread);
}

int main(void)
{
    keeps_bits();
    keeps_limit();
    interrupted();
    some();
    return 0;
}
