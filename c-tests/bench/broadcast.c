/* What it costs to wake a thread by a broadcast to WAITERS of them, until all have
 * run and wait again; COUNT awakenings in all: pthread_cond_broadcast(3).
 *
 *     broadcast COUNT [WAITERS]
 */
#include "bench.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t called = PTHREAD_COND_INITIALIZER, all_wait = PTHREAD_COND_INITIALIZER;
static long waiters, waiting, call, calls;

static void *hear_calls(void *argument)
{
    pthread_mutex_lock(&lock);
    for (long heard = 0; heard < calls; heard++) {
        if (++waiting == waiters)
            pthread_cond_signal(&all_wait);
        while (call == heard)
            pthread_cond_wait(&called, &lock);
    }
    if (++waiting == waiters)
        pthread_cond_signal(&all_wait);
    pthread_mutex_unlock(&lock);
    return argument;
}

static void wait_for_all(void)
{
    while (waiting < waiters)
        pthread_cond_wait(&all_wait, &lock);
}

int main(int count, char **arguments)
{
    long awakenings = number_argument(count, arguments, 1, 200000);

    waiters = number_argument(count, arguments, 2, 1000);
    calls = awakenings / waiters;
    CHECK(calls > 0);
    pthread_t *threads = calloc((size_t)waiters, sizeof *threads);
    CHECK(threads);
    for (long index = 0; index < waiters; index++)
        threads[index] = start_one_of(index, hear_calls, NULL, 0);

    pthread_mutex_lock(&lock);
    wait_for_all();
    double begin = now();
    for (long turn = 0; turn < calls; turn++) {
        waiting = 0;
        call++;
        pthread_cond_broadcast(&called);
        wait_for_all();
    }
    report_each("broadcast", begin, calls * waiters);
    pthread_mutex_unlock(&lock);
    for (long index = 0; index < waiters; index++)
        join(threads[index]);
    free(threads);
    return 0;
}
