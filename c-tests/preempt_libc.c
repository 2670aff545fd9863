/* Threads that spend their time in calls of libc, or of libc and back in the
 * program's own functions, do not keep others from running, and get from those
 * calls what they should: a thread sleeps 20 times for 1 ms while they work.
 * sched(7), malloc(3), memcpy(3), strlen(3), qsort(3), printf(3).
 *
 * test: slow
 * test: seeds=2
 * test: timeout=40
 * test: env=GREEN_SLICE_MS=10
 */
#include "lib/check.h"

enum { NAPS = 20, WORKERS = 2 };

static volatile int stop;
static char text[20000];

/* Called through these, so that the compiler cannot do without the call. */
static void *(*volatile copy_bytes)(void *, const void *, size_t) = memcpy;
static size_t (*volatile length_of)(const char *) = strlen;

static void allocate(unsigned round)
{
    unsigned char *blocks[32];
    for (unsigned i = 0; i < COUNT(blocks); i++) {
        size_t size = 1 + (round * 37 + i * 101) % 3000;
        blocks[i] = malloc(size);
        CHECK(blocks[i]);
        blocks[i][0] = (unsigned char)(round + i);
        blocks[i][size - 1] = blocks[i][0];
    }
    for (unsigned i = 0; i < COUNT(blocks); i++) {
        CHECK(blocks[i][0] == (unsigned char)(round + i));
        free(blocks[i]);
    }
}

static void copy(unsigned round)
{
    unsigned char from[4096], to[4096];
    memset(from, (int)(round & 0xff), sizeof from);
    copy_bytes(to, from, sizeof to);
    CHECK(to[0] == (round & 0xff) && to[round % sizeof to] == (round & 0xff));
}

static void measure(unsigned round)
{
    size_t skipped = round % 997;
    CHECK(length_of(text + skipped) == sizeof text - 1 - skipped);
}

static int compare(const void *left, const void *right)
{
    volatile int work = 0;
    while (work < 20)
        work++;
    int a = *(const int *)left, b = *(const int *)right;
    return (a > b) - (a < b);
}

static void sort(unsigned round)
{
    int numbers[500];
    for (unsigned i = 0; i < COUNT(numbers); i++)
        numbers[i] = (int)((i * 7919 + round) % 1009);
    qsort(numbers, COUNT(numbers), sizeof numbers[0], compare);
    for (unsigned i = 1; i < COUNT(numbers); i++)
        CHECK(numbers[i - 1] <= numbers[i]);
}

static void format(unsigned round)
{
    char line[100], *end;
    int length = snprintf(line, sizeof line, "%u %.3f %s", round, round / 8.0, "words");
    CHECK(length > 0 && strlen(line) == (size_t)length);
    CHECK(strtoul(line, &end, 10) == round && strtod(end, &end) == round / 8.0);
    CHECK(strcmp(end, " words") == 0);
}

static const struct job {
    const char *name;
    void (*work)(unsigned round);
} jobs[] = {
    { "malloc", allocate },
    { "memcpy", copy },
    { "strlen", measure },
    { "qsort", sort },
    { "snprintf", format },
};

static void *work_till_stopped(void *argument)
{
    const struct job *job = argument;
    unsigned round = 0;
    while (!stop)
        job->work(round++ % 1000 * 8);
    return NULL;
}

static void *sleep_then_stop(void *unused)
{
    struct timespec millisecond = { 0, 1000000 };
    for (int i = 0; i < NAPS; i++)
        CHECK(nanosleep(&millisecond, NULL) == 0);
    stop = 1;
    return unused;
}

/* WORKERS threads for each of these jobs, and the one that sleeps. */
static void run(const struct job *first, size_t count)
{
    pthread_t threads[COUNT(jobs) * WORKERS];
    stop = 0;
    for (size_t i = 0; i < count * WORKERS; i++)
        threads[i] = start(work_till_stopped, (void *)(first + i / WORKERS));
    join(start(sleep_then_stop, NULL));
    for (size_t i = 0; i < count * WORKERS; i++)
        join(threads[i]);
}

int main(void)
{
    memset(text, 'x', sizeof text - 1);
    for (size_t i = 0; i < COUNT(jobs); i++) {
        run(&jobs[i], 1);
        printf("%s: %d naps meanwhile\n", jobs[i].name, NAPS);
    }
    run(jobs, COUNT(jobs));
    printf("all of them: %d naps meanwhile\n", NAPS);
    return 0;
}
