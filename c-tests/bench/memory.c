/* What memory a waiting thread takes: COUNT threads wait, in read() on a
 * socketpair each or in sleep(). Differences of /proc/self/status, per thread:
 * resident memory, page tables, and the kernel's stacks, which are 16 KiB for
 * each kernel thread on x86-64: proc(5), socketpair(2), sleep(3).
 *
 *     memory COUNT [read|sleep]
 */
#include "bench.h"

#include <semaphore.h>

enum { KERNEL_STACK = 16384 };

struct status {
    long rss, page_tables, threads;     /* KiB, KiB, number */
};

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

static struct status status_now(void)
{
    struct status status = { -1, -1, -1 };
    char line[256];
    FILE *file = fopen("/proc/self/status", "r");

    CHECK(file);
    while (fgets(line, sizeof line, file)) {
        sscanf(line, "VmRSS: %ld", &status.rss);
        sscanf(line, "VmPTE: %ld", &status.page_tables);
        sscanf(line, "Threads: %ld", &status.threads);
    }
    fclose(file);
    CHECK(status.rss > 0 && status.page_tables > 0 && status.threads > 0);
    return status;
}

static void report_growth(const char *mode, struct status before, long threads)
{
    struct status after = status_now();
    const struct { const char *what; double bytes; } measures[] = {
        { "rss", (double)(after.rss - before.rss) * 1024 },
        { "page_tables", (double)(after.page_tables - before.page_tables) * 1024 },
        { "kernel_stacks", (double)(after.threads - before.threads) * KERNEL_STACK },
    };

    for (size_t index = 0; index < COUNT(measures); index++) {
        char name[64];
        snprintf(name, sizeof name, "memory_%s_%s", mode, measures[index].what);
        report(name, measures[index].bytes / (double)threads, "B/thread");
    }
}

static void in_read(long threads)
{
    int (*ends)[2] = calloc((size_t)threads, sizeof *ends);
    pthread_t *waiting = calloc((size_t)threads, sizeof *waiting);

    CHECK(ends && waiting);
    allow_descriptors();
    for (long index = 0; index < threads; index++)
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends[index]) == 0);

    struct status before = status_now();
    for (long index = 0; index < threads; index++)
        waiting[index] = start(wait_for_byte, &ends[index][0]);
    for (long index = 0; index < threads; index++)
        CHECK(sem_wait(&about_to_wait) == 0);
    report_growth("read", before, threads);

    for (long index = 0; index < threads; index++)
        CHECK(write(ends[index][1], "w", 1) == 1);
    for (long index = 0; index < threads; index++)
        join(waiting[index]);
    free(waiting);
    free(ends);
}

/* The sleepers end with the process. */
static void in_sleep(long threads)
{
    struct status before = status_now();
    for (long index = 0; index < threads; index++)
        start(sleep_long, NULL);
    for (long index = 0; index < threads; index++)
        CHECK(sem_wait(&about_to_wait) == 0);
    report_growth("sleep", before, threads);
}

int main(int count, char **arguments)
{
    long threads = number_argument(count, arguments, 1, 2000);

    CHECK(sem_init(&about_to_wait, 0, 0) == 0);
    if (count > 2 && strcmp(arguments[2], "sleep") == 0)
        in_sleep(threads);
    else
        in_read(threads);
    return 0;
}
