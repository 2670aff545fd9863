/* What a mutex costs that nobody else wants: COUNT times lock and unlock, in a
 * process that has another thread: pthread_mutex_lock(3).
 *
 *     mutex_free COUNT
 */
#include "bench.h"

static void *wait_for_end(void *argument)
{
    char byte;
    CHECK(read(*(int *)argument, &byte, 1) == 0);
    return NULL;
}

int main(int count, char **arguments)
{
    long locks = number_argument(count, arguments, 1, 10000000);
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    int ends[2];

    CHECK(pipe(ends) == 0);
    pthread_t other = start(wait_for_end, &ends[0]);
    double begin = now();
    for (long turn = 0; turn < locks; turn++) {
        pthread_mutex_lock(&lock);
        pthread_mutex_unlock(&lock);
    }
    report_each("mutex_free", begin, locks);
    close(ends[1]);
    join(other);
    return 0;
}
