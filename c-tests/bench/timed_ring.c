/* THREADS threads in a ring, each waiting on a condition of its own with a limit of
 * 1000 s: a token goes round, COUNT steps in all, so each step ends one timed wait and
 * begins another while all other limits are pending: pthread_cond_timedwait(3).
 *
 *     timed_ring COUNT [THREADS [STACK_KIB]]
 */
#include "bench.h"

enum { LIMIT = 1000 };          /* seconds */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t *mine, all_wait = PTHREAD_COND_INITIALIZER;
static long threads, waiting, token = -1, steps;

static void *pass_on(void *argument)
{
    long number = (pthread_cond_t *)argument - mine;
    struct timespec limit;

    pthread_mutex_lock(&lock);
    if (++waiting == threads)
        pthread_cond_signal(&all_wait);
    for (;;) {
        while (token != number && steps > 0) {
            CHECK(clock_gettime(CLOCK_REALTIME, &limit) == 0);
            limit.tv_sec += LIMIT;
            CHECK(pthread_cond_timedwait(&mine[number], &lock, &limit) == 0);
        }
        if (steps == 0)
            break;
        token = (number + 1) % threads;
        if (--steps == 0)
            pthread_cond_signal(&all_wait);
        else
            pthread_cond_signal(&mine[token]);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

int main(int count, char **arguments)
{
    long all_steps = number_argument(count, arguments, 1, 200000);
    char name[64];

    threads = number_argument(count, arguments, 2, 100);
    long stack = size_argument(count, arguments, 3);
    pthread_t *running = calloc((size_t)threads, sizeof *running);
    mine = calloc((size_t)threads, sizeof *mine);
    CHECK(running && mine);
    for (long index = 0; index < threads; index++)
        CHECK(pthread_cond_init(&mine[index], NULL) == 0);
    steps = all_steps;
    for (long index = 0; index < threads; index++)
        running[index] = start_one_of(index, pass_on, &mine[index], stack);

    pthread_mutex_lock(&lock);
    while (waiting < threads)
        pthread_cond_wait(&all_wait, &lock);
    double begin = now();
    token = 0;
    pthread_cond_signal(&mine[token]);
    while (steps > 0)
        pthread_cond_wait(&all_wait, &lock);
    snprintf(name, sizeof name, "timed_%ld", threads);
    report_each(name, begin, all_steps);
    for (long index = 0; index < threads; index++)
        pthread_cond_signal(&mine[index]);
    pthread_mutex_unlock(&lock);
    for (long index = 0; index < threads; index++)
        join(running[index]);
    free(running);
    free(mine);
    return 0;
}
