/* A thousand threads sleep from 1 to 200 ms at once: none wakes early, and all
 * together take no longer than a fraction of the sum: nanosleep(2).
 */
#include "lib/check.h"

enum { THREADS = 1000, LONGEST = 200 };

static void *sleep_a_while(void *argument)
{
    long milliseconds = (long)argument % LONGEST + 1;
    struct timespec time = { 0, milliseconds * 1000000 };
    double begin = seconds(CLOCK_MONOTONIC);
    CHECK(nanosleep(&time, NULL) == 0);
    CHECK(seconds(CLOCK_MONOTONIC) - begin >= (double)milliseconds / 1000);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    double begin = seconds(CLOCK_MONOTONIC);
    for (long i = 0; i < THREADS; i++)
        threads[i] = start(sleep_a_while, (void *)(i * 7919));
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    /* One after the other they would take 100 seconds. */
    CHECK(seconds(CLOCK_MONOTONIC) - begin < 20);
    printf("%d threads slept, none woke early\n", THREADS);
    return 0;
}
