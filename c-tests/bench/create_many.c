/* What a thread costs when many exist: COUNT threads are created and wait for
 * a semaphore, then all are released and joined: pthread_create(3), sem_wait(3).
 *
 *     create_many COUNT
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

int main(int count, char **arguments)
{
    long threads = number_argument(count, arguments, 1, 10000);
    pthread_t *waiting = calloc((size_t)threads, sizeof *waiting);

    CHECK(waiting);
    CHECK(sem_init(&arrived, 0, 0) == 0 && sem_init(&released, 0, 0) == 0);
    double begin = now();
    for (long index = 0; index < threads; index++)
        waiting[index] = start(wait_for_release, NULL);
    for (long index = 0; index < threads; index++)
        CHECK(sem_wait(&arrived) == 0);
    report_each("create_many", begin, threads);

    begin = now();
    for (long index = 0; index < threads; index++)
        CHECK(sem_post(&released) == 0);
    for (long index = 0; index < threads; index++)
        join(waiting[index]);
    report_each("release_many", begin, threads);
    free(waiting);
    return 0;
}
