/* A child makes ten threads, each of which forks a child that makes ten threads again,
 * one of which forks once more: each process and each thread is there once, has its own
 * parent, and ends with the status that its children's add up to: fork(2), getppid(2),
 * pthread_create(3).
 */
#include "lib/check.h"
#include <sys/mman.h>

enum { THREADS = 10, LEVELS = 3 };

struct counts { int processes, threads; } *counts;

static __thread int here;
static int level;

static void add(int *count) { __atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST); }

static int be_process(void);

/* The whole family below this thread, as a status of 0 or 1. */
static void *be_thread(void *number)
{
    CHECK(here == 0);
    here = 1;
    add(&counts->threads);
    others_run();
    if (level < LEVELS && (level == 1 || number == NULL)) {
        pid_t parent = getpid(), child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            CHECK(getppid() == parent && getpid() != parent && here == 1);
            level++;
            _exit(be_process());
        }
        CHECK(strcmp(child_end(child), "exit 0") == 0);
    }
    return number;
}

static int be_process(void)
{
    pthread_t threads[THREADS];
    add(&counts->processes);
    for (long i = 0; i < THREADS; i++)
        threads[i] = start(be_thread, (void *)i);
    for (long i = 0; i < THREADS; i++)
        CHECK(join(threads[i]) == (void *)i);
    CHECK(wait(NULL) == -1 && errno == ECHILD);
    return 0;
}

int main(void)
{
    counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(counts != MAP_FAILED);
    others_run();
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        level = 1;
        exit(be_process());
    }
    const char *end = child_end(child);
    printf("%s: %d processes, %d threads\n", end, counts->processes, counts->threads);
    return 0;
}
