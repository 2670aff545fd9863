/* What one switch between threads costs: COUNT calls of sched_yield(2) in all,
 * made by THREADS threads in turn.
 *
 *     switch COUNT [THREADS]
 */
#include "bench.h"

#include <sched.h>

static pthread_barrier_t line_up;
static long turns;

static void *yield_often(void *argument)
{
    (void)argument;
    pthread_barrier_wait(&line_up);
    for (long turn = 0; turn < turns; turn++)
        sched_yield();
    return NULL;
}

int main(int count, char **arguments)
{
    long yields = number_argument(count, arguments, 1, 1000000);
    long threads = number_argument(count, arguments, 2, 8);
    pthread_t *running = calloc((size_t)threads, sizeof *running);
    char name[32];

    CHECK(running);
    turns = yields / threads;
    CHECK(turns > 0);
    CHECK(pthread_barrier_init(&line_up, NULL, (unsigned)threads + 1) == 0);
    for (long index = 0; index < threads; index++)
        running[index] = start(yield_often, NULL);
    pthread_barrier_wait(&line_up);
    double begin = now();
    for (long index = 0; index < threads; index++)
        join(running[index]);
    snprintf(name, sizeof name, "switch_%ld", threads);
    report_each(name, begin, turns * threads);
    free(running);
    return 0;
}
