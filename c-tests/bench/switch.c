/* What one switch between threads costs: COUNT calls of sched_yield(2) in all,
 * made by THREADS threads in turn, with STACK_KIB of stack each (0: the default).
 *
 *     switch COUNT [THREADS [STACK_KIB]]
 */
#include "bench.h"

#include <sched.h>

static pthread_barrier_t line_up;
static struct stretch stretch;
static long turns;

static void *yield_often(void *argument)
{
    (void)argument;
    pthread_barrier_wait(&line_up);
    sched_yield();              /* the first turn wakes the others */
    begin_stretch(&stretch);
    for (long turn = 0; turn < turns; turn++)
        sched_yield();
    end_stretch(&stretch);
    pthread_barrier_wait(&line_up);
    return NULL;
}

int main(int count, char **arguments)
{
    long yields = number_argument(count, arguments, 1, 1000000);
    long threads = number_argument(count, arguments, 2, 8);
    long stack = size_argument(count, arguments, 3);
    pthread_t *running = calloc((size_t)threads, sizeof *running);
    char name[32];

    CHECK(running);
    turns = yields / threads;
    CHECK(turns > 0);
    CHECK(pthread_barrier_init(&line_up, NULL, (unsigned)threads + 1) == 0);
    for (long index = 0; index < threads; index++)
        running[index] = start_one_of(index, yield_often, NULL, stack);
    pthread_barrier_wait(&line_up);
    pthread_barrier_wait(&line_up);
    for (long index = 0; index < threads; index++)
        join(running[index]);
    snprintf(name, sizeof name, "switch_%ld", threads);
    report(name, seconds_of(&stretch) * 1e9 / (double)(turns * threads), "ns");
    free(running);
    return 0;
}
