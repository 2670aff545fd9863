/* What memory a waiting thread takes: THREADS threads wait, in read() on a
 * socketpair each or in sleep(), with STACK_KIB of stack (0: the default): proc(5),
 * socketpair(2), sleep(3), pthread_attr_setstacksize(3).
 *
 *     memory THREADS [read|sleep [STACK_KIB]]
 */
#include "footprint.h"

#include <semaphore.h>

static sem_t about_to_wait;

static void *wait_for_byte(void *argument)
{
    char byte;
    CHECK(sem_post(&about_to_wait) == 0);
    CHECK(read(*(int *)argument, &byte, 1) == 1);
    return NULL;
}

static void *sleep_long(void *argument)
{
    CHECK(sem_post(&about_to_wait) == 0);
    sleep(1000);
    return argument;
}

static void in_read(const char *label, long threads, long stack)
{
    int (*ends)[2] = calloc((size_t)threads, sizeof *ends);
    pthread_t *waiting = calloc((size_t)threads, sizeof *waiting);

    CHECK(ends && waiting);
    allow_descriptors(2 * threads + 100);
    for (long index = 0; index < threads; index++)
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends[index]) == 0);

    let_slabs_settle();
    struct footprint before = footprint_now();
    for (long index = 0; index < threads; index++)
        waiting[index] = start_one_of(index, wait_for_byte, &ends[index][0], stack);
    for (long index = 0; index < threads; index++)
        CHECK(sem_wait(&about_to_wait) == 0);
    report_growth(label, before, threads);

    for (long index = 0; index < threads; index++)
        CHECK(write(ends[index][1], "w", 1) == 1);
    for (long index = 0; index < threads; index++)
        join(waiting[index]);
    free(waiting);
    free(ends);
}

/* The sleepers end with the process. */
static void in_sleep(const char *label, long threads, long stack)
{
    let_slabs_settle();
    struct footprint before = footprint_now();
    for (long index = 0; index < threads; index++)
        start_one_of(index, sleep_long, NULL, stack);
    for (long index = 0; index < threads; index++)
        CHECK(sem_wait(&about_to_wait) == 0);
    report_growth(label, before, threads);
}

int main(int count, char **arguments)
{
    long threads = number_argument(count, arguments, 1, 2000);
    const char *mode = count > 2 ? arguments[2] : "read";
    long stack = size_argument(count, arguments, 3);
    char label[64];

    CHECK(sem_init(&about_to_wait, 0, 0) == 0);
    if (stack > 0)
        snprintf(label, sizeof label, "memory_%s_%ldk", mode, stack);
    else
        snprintf(label, sizeof label, "memory_%s", mode);
    if (strcmp(mode, "sleep") == 0)
        in_sleep(label, threads, stack);
    else
        in_read(label, threads, stack);
    return 0;
}
