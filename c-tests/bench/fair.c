/* How threads that compute share one core: what is lost when they are switched out, how late others wake
 * beside them, and how long a thread has to wait for its next turn. All end after MS milliseconds.
 *
 *     fair compute MS                      two threads compute: units of work done in a millisecond of
 *                                          processor time, whatever else the machine does
 *     fair ticks COMPUTING TICKERS MS      TICKERS threads wake every 10 ms, at times that are fixed
 *                                          beforehand, beside COMPUTING threads: how late they are
 *     fair share KIND MS                   one thread computes, beside one that does only KIND, which is
 *                                          compute, malloc, memcpy, memset, strlen, spin or yield: how
 *                                          long it is switched out
 *
 * A unit of work is 1,000 steps of a generator of random numbers, without a call. A thread looks at the
 * clock after each ten units, some 10 us; if more than 0.5 ms have gone by, it was switched out. Follows
 * sched(7), clock_getres(2), clock_nanosleep(2), memcpy(3), strlen(3), malloc(3), sched_yield(2).
 */
#include "bench.h"

#include <sched.h>

enum { STEPS = 1000, UNITS = 10, TICK_NS = 10000000, BLOCK = 1 << 20 };

static const double SWITCHED_OUT = 0.5e-3;      /* seconds */
static double deadline;
static atomic_int stop;
static volatile uint64_t sink;          /* so that the compiler cannot do without the work */

/* ---- work ---------------------------------------------------------------------- */

static uint64_t compute(uint64_t state)
{
    for (int step = 0; step < STEPS * UNITS; step++)
        state = state * 6364136223846793005u + 1442695040888963407u;
    return state;
}

static int by_size(const void *one, const void *other)
{
    double left = *(const double *)one, right = *(const double *)other;
    return (left > right) - (left < right);
}

/* In microseconds. The times are sorted. */
static void report_part(const char *name, const char *part, const double *times, long count, long percent)
{
    char row[80];
    snprintf(row, sizeof row, "%s_%s", name, part);
    report(row, times[(count - 1) * percent / 100] * 1e6, "us");
}

/* ---- compute --------------------------------------------------------------------- */

static void *count_units(void *units)
{
    uint64_t state = (uintptr_t)units;
    for (; now() < deadline; *(long *)units += UNITS)
        state = compute(state);
    sink = state;
    return NULL;
}

static void bench_compute(long milliseconds)
{
    long units[2] = { 0, 0 };
    double begin = seconds(CLOCK_PROCESS_CPUTIME_ID);
    deadline = now() + (double)milliseconds / 1e3;
    pthread_t threads[2] = { start(count_units, &units[0]), start(count_units, &units[1]) };
    join(threads[0]), join(threads[1]);
    double used = seconds(CLOCK_PROCESS_CPUTIME_ID) - begin;
    report("fair_compute", (double)(units[0] + units[1]) / (used * 1e3), "work/ms");
}

/* ---- ticks ------------------------------------------------------------------------ */

struct ticker {
    pthread_t thread;
    double first, *late;                /* seconds */
    long ticks;
};

static void *compute_till_stopped(void *unused)
{
    uint64_t state = 1;
    while (!atomic_load_explicit(&stop, memory_order_relaxed))
        state = compute(state);
    sink = state;
    return unused;
}

/* A tick that is late does not move the next. If it is so late that others are due, too, all of them
 * happen now, each later than its own time by less. */
static void *tick(void *argument)
{
    struct ticker *ticker = argument;
    for (long index = 0; index < ticker->ticks;) {
        double moment = ticker->first + (double)index * TICK_NS / 1e9, woken;
        struct timespec wake = { (time_t)moment, (long)((moment - (double)(time_t)moment) * 1e9) };
        CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, NULL) == 0);
        woken = now();
        do {
            ticker->late[index++] = woken - moment;
            moment += TICK_NS / 1e9;
        } while (index < ticker->ticks && moment <= woken);
    }
    return NULL;
}

static void bench_ticks(long computing, long count, long milliseconds)
{
    pthread_t busy[computing + 1];
    struct ticker *tickers = calloc((size_t)count, sizeof *tickers);
    long ticks = milliseconds * 1000000 / TICK_NS;
    double *late = calloc((size_t)(count * ticks), sizeof *late);
    char name[60];

    CHECK(tickers && late && ticks > 0);
    for (long index = 0; index < computing; index++)
        busy[index] = start(compute_till_stopped, NULL);
    double begin = now() + TICK_NS / 1e9;       /* when all have been created */
    for (long index = 0; index < count; index++) {
        double shift = (double)index * TICK_NS / 1e9 / (double)count;
        tickers[index] = (struct ticker){ .first = begin + shift, .late = late + index * ticks, .ticks = ticks };
        tickers[index].thread = start_one_of(index, tick, &tickers[index], 64);
    }
    for (long index = 0; index < count; index++)
        join(tickers[index].thread);
    atomic_store(&stop, 1);
    for (long index = 0; index < computing; index++)
        join(busy[index]);

    qsort(late, (size_t)(count * ticks), sizeof *late, by_size);
    snprintf(name, sizeof name, "fair_ticks_%ld_beside_%ld", count, computing);
    report_part(name, "p50", late, count * ticks, 50);
    report_part(name, "p99", late, count * ticks, 99);
    report_part(name, "longest", late, count * ticks, 100);
    free(late);
    free(tickers);
}

/* ---- share -------------------------------------------------------------------------- */

static char *from, *to;

/* Called through these, so that the compiler cannot do without the call. */
static void *(*volatile copy_bytes)(void *, const void *, size_t) = memcpy;
static void *(*volatile set_bytes)(void *, int, size_t) = memset;
static size_t (*volatile length_of)(const char *) = strlen;
static void *(*volatile allocate)(size_t) = malloc;

static void use_compute(void) { sink = compute(sink); }
static void use_memcpy(void) { copy_bytes(to, from, BLOCK); }
static void use_memset(void) { set_bytes(to, 'y', BLOCK); }
static void use_strlen(void) { CHECK(length_of(from) == BLOCK - 1); }

/* Sizes from 1 byte to 128 KiB: those of the caches of malloc, and beyond. */
static void use_malloc(void)
{
    void *blocks[100];
    for (size_t index = 0; index < COUNT(blocks); index++)
        CHECK((blocks[index] = allocate(1 + (index * 7919 % 1024 << index % 8))));
    for (size_t index = 0; index < COUNT(blocks); index++)
        free(blocks[index * 37 % COUNT(blocks)]);
}

static void use_spin(void)
{
    while (!atomic_load_explicit(&stop, memory_order_relaxed))
        ;
}

static void use_yield(void)
{
    while (!atomic_load_explicit(&stop, memory_order_relaxed))
        CHECK(sched_yield() == 0);
}

static const struct kind {
    const char *name;
    void (*use)(void);
} kinds[] = {
    { "compute", use_compute }, { "malloc", use_malloc }, { "memcpy", use_memcpy }, { "memset", use_memset },
    { "strlen", use_strlen }, { "spin", use_spin }, { "yield", use_yield },
};

static void *use_till_deadline(void *use)
{
    const struct kind *kind = use;
    while (now() < deadline)
        kind->use();
    return NULL;
}

struct turns {
    double longest, *gaps;
    long count, room;
};

/* Computes, and notes when it was switched out, and for how long. */
static void *watch_clock(void *argument)
{
    struct turns *turns = argument;
    uint64_t state = 1;
    for (double before = now(), after; before < deadline; before = after) {
        state = compute(state);
        after = now();
        double gap = after - before;
        turns->longest = gap > turns->longest ? gap : turns->longest;
        if (gap > SWITCHED_OUT && turns->count < turns->room)
            turns->gaps[turns->count++] = gap;
    }
    atomic_store(&stop, 1);
    sink = state;
    return NULL;
}

static void bench_share(const char *name, long milliseconds)
{
    const struct kind *kind = kinds;
    struct turns turns = { .room = milliseconds * 2 + 1 };
    char row[60];

    while (kind < kinds + COUNT(kinds) && strcmp(kind->name, name) != 0)
        kind++;
    if (kind == kinds + COUNT(kinds))
        cannot("there is no kind %s", name);
    CHECK((turns.gaps = calloc((size_t)turns.room, sizeof *turns.gaps)));
    CHECK((from = malloc(BLOCK)) && (to = malloc(BLOCK)));
    memset(from, 'x', BLOCK - 1);
    from[BLOCK - 1] = 0;
    memset(to, 'x', BLOCK);

    deadline = now() + (double)milliseconds / 1e3;
    pthread_t watcher = start(watch_clock, &turns), user = start(use_till_deadline, (void *)kind);
    join(watcher), join(user);

    snprintf(row, sizeof row, "fair_share_%s", name);
    if (turns.count > 0) {              /* beside one that yields, the other need never wait so long */
        qsort(turns.gaps, (size_t)turns.count, sizeof *turns.gaps, by_size);
        report_part(row, "p50", turns.gaps, turns.count, 50);
    }
    report_part(row, "longest", &turns.longest, 1, 100);
    free(turns.gaps);
}

int main(int count, char **arguments)
{
    const char *mode = count > 1 ? arguments[1] : "";
    if (strcmp(mode, "compute") == 0)
        bench_compute(number_argument(count, arguments, 2, 1000));
    else if (strcmp(mode, "ticks") == 0)
        bench_ticks(size_argument(count, arguments, 2), number_argument(count, arguments, 3, 100),
                    number_argument(count, arguments, 4, 1000));
    else if (strcmp(mode, "share") == 0 && count > 2)
        bench_share(arguments[2], number_argument(count, arguments, 3, 1000));
    else
        cannot("fair compute MS | ticks COMPUTING TICKERS MS | share KIND MS");
    return 0;
}
