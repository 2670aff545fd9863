/* What it costs to hand the turn to another thread with two semaphores; COUNT
 * turns in all: sem_post(3), sem_wait(3).
 *
 *     sem_handoff COUNT
 */
#include "bench.h"

#include <semaphore.h>

static sem_t mine, theirs;
static long rounds;

static void *answer(void *argument)
{
    for (long round = 0; round < rounds; round++) {
        CHECK(sem_wait(&theirs) == 0);
        CHECK(sem_post(&mine) == 0);
    }
    return argument;
}

int main(int count, char **arguments)
{
    rounds = number_argument(count, arguments, 1, 200000) / 2;
    CHECK(sem_init(&mine, 0, 0) == 0 && sem_init(&theirs, 0, 0) == 0);
    double begin = now();
    pthread_t other = start(answer, NULL);
    for (long round = 0; round < rounds; round++) {
        CHECK(sem_post(&theirs) == 0);
        CHECK(sem_wait(&mine) == 0);
    }
    join(other);
    report_each("sem_handoff", begin, rounds * 2);
    return 0;
}
