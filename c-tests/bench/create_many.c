/* What a thread costs when many exist: THREADS threads are created and wait for
 * a semaphore, then all are released and joined; and once more in the same
 * process, with what the first have left behind: pthread_create(3), sem_wait(3).
 *
 *     create_many THREADS [STACK_KIB]
 */
#include "bench.h"

#include <semaphore.h>

static sem_t arrived, released;

static void *wait_for_release(void *argument)
{
    CHECK(sem_post(&arrived) == 0);
    CHECK(sem_wait(&released) == 0);
    return argument;
}

static void create_and_release(pthread_t *waiting, long threads, long stack, const char *which)
{
    char name[64];

    double begin = now();
    for (long index = 0; index < threads; index++)
        waiting[index] = start_one_of(index, wait_for_release, NULL, stack);
    for (long index = 0; index < threads; index++)
        CHECK(sem_wait(&arrived) == 0);
    snprintf(name, sizeof name, "create_%ld%s", threads, which);
    report_each(name, begin, threads);

    begin = now();
    for (long index = 0; index < threads; index++)
        CHECK(sem_post(&released) == 0);
    for (long index = 0; index < threads; index++)
        join(waiting[index]);
    snprintf(name, sizeof name, "release_%ld%s", threads, which);
    report_each(name, begin, threads);
}

int main(int count, char **arguments)
{
    long threads = number_argument(count, arguments, 1, 10000);
    long stack = size_argument(count, arguments, 2);
    pthread_t *waiting = calloc((size_t)threads, sizeof *waiting);

    CHECK(waiting);
    CHECK(sem_init(&arrived, 0, 0) == 0 && sem_init(&released, 0, 0) == 0);
    create_and_release(waiting, threads, stack, "");
    create_and_release(waiting, threads, stack, "_again");
    free(waiting);
    return 0;
}
