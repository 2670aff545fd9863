/* exit() called again: in an exit handler, which goes on with the handlers that are left
 * and has the last status; by a second thread while the first waits in a handler; by all of
 * ten threads at once. No handler runs twice, the process ends, and its status is one that
 * was given: exit(3), atexit(3), on_exit(3).
 */
#include "lib/check.h"
#include <sys/mman.h>

enum { THREADS = 10, HANDLERS = 4 };

static int *runs, ends[2], wire[2];
static pthread_barrier_t barrier;

static void tell(const char *text) { write_all(wire[1], text, strlen(text)); }
static void first(void) { tell(" first"); }
static void second(void) { tell(" second"); exit(8); }
static void third(void) { tell(" third"); }
static void wait_for_ever(void) { tell(" waits"); give(ends[1], 'x'); for (;;) pause(); }
static void ends_at_once(void) { tell(" ends"); _exit(9); }

static void *call_exit(void *status)
{
    exit((int)(long)status);
    return NULL;
}

static void nested(void)
{
    CHECK(atexit(first) == 0 && atexit(second) == 0 && atexit(third) == 0);
    join(start(call_exit, (void *)3));
}

/* The handler that waits is the first thread's; the second runs those that are left. */
static void second_thread(void)
{
    CHECK(atexit(first) == 0 && atexit(wait_for_ever) == 0);
    start(call_exit, (void *)3);
    CHECK(take(ends[0]) == 'x');
    others_run();
    join(start(call_exit, (void *)4));
}

static void by_handler(void)
{
    CHECK(atexit(first) == 0 && atexit(ends_at_once) == 0 && atexit(third) == 0);
    join(start(call_exit, (void *)3));
}

static void main_returns_meanwhile(void)
{
    CHECK(atexit(first) == 0 && atexit(wait_for_ever) == 0);
    start(call_exit, (void *)3);
    CHECK(take(ends[0]) == 'x');
}

#define COUNTED(n) static void counted_##n(void) { __atomic_add_fetch(&runs[n], 1, __ATOMIC_SEQ_CST); sched_yield(); }
COUNTED(0) COUNTED(1) COUNTED(2) COUNTED(3)
static void (*const counted[])(void) = { counted_0, counted_1, counted_2, counted_3 };

static void *exit_together(void *unused)
{
    (void)unused;
    pthread_barrier_wait(&barrier);
    exit(5);
}

static void all_at_once(void)
{
    for (size_t i = 0; i < COUNT(counted); i++)
        CHECK(atexit(counted[i]) == 0);
    CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
    for (int i = 1; i < THREADS; i++)
        start(exit_together, NULL);
    exit_together(NULL);
}

static const struct { const char *name; void (*leave)(void); } ways[] = {
    { "in a handler", nested }, { "a handler calls _exit", by_handler },
    { "by another thread", second_thread }, { "main returns while a handler waits", main_returns_meanwhile },
    { "ten at once", all_at_once },
};

int main(void)
{
    runs = mmap(NULL, sizeof *runs * HANDLERS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(runs != MAP_FAILED && pipe(ends) == 0);
    for (size_t i = 0; i < COUNT(ways); i++) {
        char text[100] = "";
        CHECK(pipe(wire) == 0);
        fflush(stdout);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            others_run();
            ways[i].leave();
            return 4;
        }
        const char *end = child_end(child);
        CHECK(close(wire[1]) == 0 && read_all(wire[0], text, sizeof text - 1) < sizeof text);
        CHECK(close(wire[0]) == 0);
        printf("%s:%s, %s\n", ways[i].name, text, end);
    }
    for (size_t i = 0; i < COUNT(counted); i++)
        CHECK(runs[i] <= 1);
    return 0;
}
