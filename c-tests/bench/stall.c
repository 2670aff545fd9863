/* Who is held up by calls that must wait? For SECONDS, 100 threads sleep 10 ms
 * again and again, beside one thread in each kind of call that is named
 * (stall_calls.h), or beside nothing. What a tick comes later than its 10 ms is
 * a stall, of the scheduler or of the machine.
 *
 * Tells the longest delay of a tick and the 99th percentile, the calls that came
 * back, those of them that never should have ("ended"), and the reads that found
 * their bytes in the cache after all.
 *
 *     stall SECONDS DIRECTORY [KIND...]
 *
 * Follows nanosleep(2).
 */
#include "stall_calls.h"

#include <semaphore.h>

enum { TICKERS = 100, TICK_MS = 10 };

struct ticker {
    pthread_t thread;
    float *late;                /* seconds */
    long count;
};

struct caller {
    const struct kind *kind;
    pthread_t thread;
    long calls;
    double total;               /* seconds */
};

static struct ticker tickers[TICKERS];
static struct caller callers[COUNT(kinds)];
static sem_t begun;
static atomic_int enough, ended;
static double deadline;

/* ---- the threads ------------------------------------------------------------- */

static void *tick(void *argument)
{
    struct ticker *ticker = argument;
    const struct timespec pause = { 0, TICK_MS * 1000000 };

    for (double begin = now(), end; begin < deadline; begin = end) {
        CHECK(nanosleep(&pause, NULL) == 0);
        end = now();
        ticker->late[ticker->count++] = (float)(end - begin - TICK_MS / 1e3);
    }
    return NULL;
}

static void *call(void *argument)
{
    struct caller *caller = argument;

    CHECK(sem_post(&begun) == 0);
    do {
        double begin = now();
        caller->kind->call();
        caller->total += now() - begin;
        caller->calls++;
    } while (caller->kind->again && !atomic_load(&enough));
    if (!caller->kind->again)
        atomic_fetch_add(&ended, 1);
    return NULL;
}

/* ---- set up, wait, tell -------------------------------------------------------- */

static const struct kind *kind_called(const char *name)
{
    for (size_t index = 0; index < COUNT(kinds); index++)
        if (strcmp(kinds[index].name, name) == 0)
            return &kinds[index];
    cannot("there is no kind of call %s", name);
}

static int by_size(const void *one, const void *other)
{
    float left = *(const float *)one, right = *(const float *)other;
    return (left > right) - (left < right);
}

static void report_ticks(void)
{
    long total = 0, least = LONG_MAX, next = 0;

    for (int index = 0; index < TICKERS; index++) {
        total += tickers[index].count;
        least = tickers[index].count < least ? tickers[index].count : least;
    }
    float *late = malloc((size_t)total * sizeof *late);
    CHECK(late);
    for (int index = 0; index < TICKERS; index++) {
        memcpy(late + next, tickers[index].late, (size_t)tickers[index].count * sizeof *late);
        next += tickers[index].count;
    }
    qsort(late, (size_t)total, sizeof *late, by_size);
    report("ticks", (double)total, "times");
    report("ticks_least", (double)least, "times");
    report("longest", late[total - 1] * 1e3, "ms");
    report("p99", late[(total - 1) * 99 / 100] * 1e3, "ms");
}

int main(int count, char **arguments)
{
    long duration = number_argument(count, arguments, 1, 3);
    int called = count > 3 ? count - 3 : 0;

    CHECK(count > 2 && called <= (int)COUNT(kinds) && sem_init(&begun, 0, 0) == 0);
    for (int index = 0; index < called; index++) {
        callers[index].kind = kind_called(arguments[3 + index]);
        callers[index].kind->prepare(arguments[2]);
    }
    for (int index = 0; index < called; index++) {
        callers[index].thread = start(call, &callers[index]);
        CHECK(sem_wait(&begun) == 0);
        if (callers[index].kind->waits)
            callers[index].kind->waits();
    }

    for (int index = 0; index < TICKERS; index++)
        CHECK((tickers[index].late = calloc((size_t)duration * 1000 / TICK_MS + 1, sizeof(float))));
    deadline = now() + (double)duration;
    for (int index = 0; index < TICKERS; index++)
        tickers[index].thread = start(tick, &tickers[index]);
    for (int index = 0; index < TICKERS; index++)
        join(tickers[index].thread);
    report_ticks();
    report("ended", atomic_load(&ended), "times");

    atomic_store(&enough, 1);
    for (int index = 0; index < called; index++) {
        const struct caller *caller = &callers[index];
        char name[64];
        if (!caller->kind->again)
            continue;                   /* ends with the process */
        join(caller->thread);
        snprintf(name, sizeof name, "%s_calls", caller->kind->name);
        report(name, (double)caller->calls, "times");
        snprintf(name, sizeof name, "%s_each", caller->kind->name);
        report(name, caller->total / (double)caller->calls * 1e3, "ms");
    }
    report("pread_cached", (double)preads_from_cache, "times");
    return 0;
}
