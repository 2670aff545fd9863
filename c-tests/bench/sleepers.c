/* THREADS threads with 64 KiB stacks, alive at once, each sleep 100 ms and are
 * joined. Prints how many there were (where the machine has room for fewer, they
 * are the crowd), the time all took, and that time divided by their number:
 * pthread_create(3), nanosleep(2), pthread_cond_broadcast(3).
 *
 *     sleepers THREADS
 */
#include "bench.h"

enum { STACK_KIB = 64, SLEEP_MS = 100 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static int is_open;

static void *sleep_when_all_exist(void *argument)
{
    struct timespec time = { 0, SLEEP_MS * 1000000L };

    pthread_mutex_lock(&lock);
    while (!is_open)
        pthread_cond_wait(&opened, &lock);
    pthread_mutex_unlock(&lock);
    CHECK(nanosleep(&time, NULL) == 0);
    return argument;
}

int main(int count, char **arguments)
{
    long wanted = number_argument(count, arguments, 1, 1000000), made = 0;
    pthread_t *threads = calloc((size_t)wanted, sizeof *threads);

    CHECK(threads);
    double begin = now();
    while (made < wanted
           && try_to_start(&threads[made], sleep_when_all_exist, NULL, STACK_KIB) == 0)
        made++;
    CHECK(made > 0);

    pthread_mutex_lock(&lock);
    is_open = 1;
    pthread_cond_broadcast(&opened);
    pthread_mutex_unlock(&lock);
    for (long index = 0; index < made; index++)
        join(threads[index]);
    report("sleepers_threads", (double)made, "threads");
    double elapsed = now() - begin;
    report("sleepers_seconds", elapsed, "s");
    report("sleepers_each", elapsed * 1e9 / (double)made, "ns");
    free(threads);
    return 0;
}
