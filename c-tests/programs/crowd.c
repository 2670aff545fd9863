/* A crowd: so many threads at once in one process, all with default attributes,
 * as programs create them that give a thread to every connection.
 *
 *     crowd readers N     each waits in read() on a socketpair of its own until
 *                         its own number arrives
 *     crowd sleepers N    each sleeps 100 ms
 *
 * All are joined. Prints lines "name value unit": the memory that N waiting
 * threads add to the process, its kernel threads, and the time taken.
 *
 * The other ends of the socketpairs belong to child processes, forked before
 * the first thread: so a thread costs this process one descriptor, and the
 * numbers come from outside. Follows pthread_create(3), socketpair(2), fork(2),
 * getrlimit(2), proc(5).
 */
#include "../lib/check.h"

#include <dirent.h>
#include <semaphore.h>
#include <sys/resource.h>

enum { BATCH = 2000, SPARE_DESCRIPTORS = 100, NAP_MS = 100 };

/* ---- what the process takes ------------------------------------------------ */

struct memory {
    long rss, peak_rss, page_tables;    /* KiB */
};

static struct memory memory_now(void)
{
    struct memory memory = { -1, -1, -1 };
    char line[256];
    FILE *file = fopen("/proc/self/status", "r");

    CHECK(file);
    while (fgets(line, sizeof line, file)) {
        sscanf(line, "VmRSS: %ld", &memory.rss);
        sscanf(line, "VmHWM: %ld", &memory.peak_rss);
        sscanf(line, "VmPTE: %ld", &memory.page_tables);
    }
    fclose(file);
    CHECK(memory.rss > 0 && memory.peak_rss > 0 && memory.page_tables > 0);
    return memory;
}

static long kernel_threads(void)
{
    long count = 0;
    DIR *tasks = opendir("/proc/self/task");

    CHECK(tasks);
    for (struct dirent *entry; (entry = readdir(tasks));)
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

static void report(long threads, struct memory before, long rss,
                   long page_tables, long tasks)
{
    long grown_rss = rss - before.rss;
    long grown_tables = page_tables - before.page_tables;

    printf("threads %ld threads\n", threads);
    printf("rss %ld KiB\n", grown_rss);
    printf("page_tables %ld KiB\n", grown_tables);
    printf("bytes_per_thread %ld bytes\n",
           (grown_rss + grown_tables) * 1024 / threads);
    printf("kernel_threads %ld threads\n", tasks);
}

static void *allocate(long count, size_t size)
{
    char *memory = malloc((size_t)count * size);

    CHECK(memory);
    memset(memory, 1, (size_t)count * size);    /* resident before we measure */
    return memory;
}

/* ---- readers --------------------------------------------------------------- */

struct reader {
    pthread_t thread;
    int fd, number;
};

static sem_t about_to_read;

static void allow_descriptors(long count)
{
    struct rlimit limit;

    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_cur < (rlim_t)count)
        limit.rlim_cur = (rlim_t)count;
    if (limit.rlim_max < limit.rlim_cur)
        limit.rlim_max = limit.rlim_cur;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

/* Writes each reader's number once the gate is shut; never returns. */
__attribute__((noreturn))
static void feed(const int *ends, int first, int count, const int gate[2])
{
    char byte;

    close(gate[1]);
    CHECK(read(gate[0], &byte, 1) == 0);
    for (int index = 0; index < count; index++) {
        int number = first + index;
        CHECK(write(ends[index], &number, sizeof number) == sizeof number);
    }
    _exit(0);
}

/* Gives every reader a socketpair whose other end a child holds; returns how
 * many children there are. */
static int connect_readers(struct reader *readers, int count, const int gate[2])
{
    int children = 0;

    for (int first = 0; first < count; first += BATCH, children++) {
        int size = count - first < BATCH ? count - first : BATCH;
        int far_ends[BATCH];
        for (int index = 0; index < size; index++) {
            int ends[2];
            CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
            readers[first + index].fd = ends[0];
            readers[first + index].number = first + index;
            far_ends[index] = ends[1];
        }
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            feed(far_ends, first, size, gate);
        for (int index = 0; index < size; index++)
            close(far_ends[index]);
    }
    return children;
}

static void *wait_for_number(void *argument)
{
    const struct reader *reader = argument;
    int number = -1;

    CHECK(sem_post(&about_to_read) == 0);
    CHECK(read(reader->fd, &number, sizeof number) == sizeof number);
    CHECK(number == reader->number);
    return argument;
}

static void run_readers(int count)
{
    struct reader *readers = allocate(count, sizeof *readers);
    int gate[2];

    CHECK(sem_init(&about_to_read, 0, 0) == 0);
    CHECK(pipe(gate) == 0);
    allow_descriptors(count + BATCH + SPARE_DESCRIPTORS);
    int children = connect_readers(readers, count, gate);

    struct memory before = memory_now();
    double begin = seconds(CLOCK_MONOTONIC);
    for (int index = 0; index < count; index++)
        readers[index].thread = start(wait_for_number, &readers[index]);
    for (int index = 0; index < count; index++)
        CHECK(sem_wait(&about_to_read) == 0);
    struct memory waiting = memory_now();
    long tasks = kernel_threads();

    close(gate[1]);
    for (int index = 0; index < count; index++)
        CHECK(join(readers[index].thread) == &readers[index]);
    double end = seconds(CLOCK_MONOTONIC);

    for (; children > 0; children--) {
        int status;
        CHECK(wait(&status) > 0 && status == 0);
    }
    report(count, before, waiting.rss, waiting.page_tables, tasks);
    printf("time %.3f s\n", end - begin);
    free(readers);
}

/* ---- sleepers -------------------------------------------------------------- */

static void *nap(void *argument)
{
    struct timespec time = { 0, NAP_MS * 1000000L };
    double begin = seconds(CLOCK_MONOTONIC);

    CHECK(nanosleep(&time, NULL) == 0);
    CHECK(seconds(CLOCK_MONOTONIC) - begin >= NAP_MS / 1e3);
    return argument;
}

static void run_sleepers(long count)
{
    pthread_t *sleepers = allocate(count, sizeof *sleepers);

    struct memory before = memory_now();
    double begin = seconds(CLOCK_MONOTONIC);
    for (long index = 0; index < count; index++)
        sleepers[index] = start(nap, &sleepers[index]);
    long tasks = kernel_threads();
    struct memory all = memory_now();
    for (long index = 0; index < count; index++)
        CHECK(join(sleepers[index]) == &sleepers[index]);
    double end = seconds(CLOCK_MONOTONIC);

    /* The threads may not have run before the joins, or be gone after them;
     * of page tables proc(5) tells no peak. */
    struct memory after = memory_now();
    long tables = all.page_tables > after.page_tables ? all.page_tables
                                                      : after.page_tables;
    report(count, before, after.peak_rss, tables, tasks);
    printf("time %.3f s\n", end - begin);
    free(sleepers);
}

int main(int count, char **arguments)
{
    CHECK(count == 3);
    int threads = atoi(arguments[2]);

    CHECK(threads > 0);
    if (strcmp(arguments[1], "readers") == 0) {
        run_readers(threads);
    } else {
        CHECK(strcmp(arguments[1], "sleepers") == 0);
        run_sleepers(threads);
    }
    return 0;
}
