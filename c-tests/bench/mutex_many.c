/* THREADS threads on one mutex, COUNT times lock and unlock in all, giving up the
 * processor while holding it, so that every lock has to wait for its turn; and before
 * that FASTER times as many, as fast as each can: pthread_mutex_lock(3), sched_yield(2).
 *
 *     mutex_many COUNT [THREADS [STACK_KIB]]
 */
#include "bench.h"

#include <sched.h>

enum { FASTER = 50 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t line_up;
static struct stretch stretch;
static long turns, counter;

static void *lock_often(void *argument)
{
    int yields = argument != NULL;

    pthread_barrier_wait(&line_up);
    begin_stretch(&stretch);
    for (long turn = 0; turn < turns; turn++) {
        pthread_mutex_lock(&lock);
        counter++;
        if (yields)
            sched_yield();
        pthread_mutex_unlock(&lock);
    }
    end_stretch(&stretch);
    pthread_barrier_wait(&line_up);
    return NULL;
}

static void measure(pthread_t *running, long locks, long threads, long stack, void *yields)
{
    char name[64];

    counter = 0;
    turns = locks / threads * (yields ? 1 : FASTER);
    atomic_store(&stretch.begun, 0);
    for (long index = 0; index < threads; index++)
        running[index] = start_one_of(index, lock_often, yields, stack);
    pthread_barrier_wait(&line_up);
    pthread_barrier_wait(&line_up);
    for (long index = 0; index < threads; index++)
        join(running[index]);
    CHECK(counter == turns * threads);
    snprintf(name, sizeof name, "mutex_%ld%s", threads, yields ? "_held" : "");
    report(name, (double)counter / seconds_of(&stretch), "op/s");
}

int main(int count, char **arguments)
{
    long locks = number_argument(count, arguments, 1, 1000000);
    long threads = number_argument(count, arguments, 2, 1000);
    long stack = size_argument(count, arguments, 3);
    pthread_t *running = calloc((size_t)threads, sizeof *running);

    CHECK(running);
    CHECK(locks >= threads);
    CHECK(pthread_barrier_init(&line_up, NULL, (unsigned)threads + 1) == 0);
    measure(running, locks, threads, stack, NULL);
    measure(running, locks, threads, stack, &lock);
    free(running);
    return 0;
}
