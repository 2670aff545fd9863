/* An initialiser that is cancelled, or that leaves by pthread_exit, has not run:
 * one of the threads that wait for it calls its own, the others get the result.
 * Waiting in pthread_once is no cancellation point. Initialisers may nest; a
 * forked child does not wait for one of its parent's: pthread_once(3posix).
 */
#include "lib/check.h"
#include <semaphore.h>

enum { THREADS = 10 };

static pthread_once_t control, inner, last;
static sem_t inside;
static int quiet[2], runs, inner_runs, cleanups;
static int (*leave)(void);

static int by_cancellation(void)
{
    return take(quiet[0]);
}

static int by_exit(void)
{
    others_run();
    pthread_exit("left");
}

static void count_cleanup(void *unused)
{
    (void)unused;
    cleanups++;
}

/* The first run never ends; the second one does. */
static void initialise(void)
{
    if (++runs > 1)
        return;
    pthread_cleanup_push(count_cleanup, NULL);
    CHECK(sem_post(&inside) == 0);
    leave();
    CHECK(!"the call returned");
    pthread_cleanup_pop(0);
}

static void *call_once(void *unused)
{
    CHECK(pthread_once(&control, initialise) == 0);
    CHECK(runs == 2);
    return unused;
}

static void retry(const char *name, int (*way)(void))
{
    control = PTHREAD_ONCE_INIT;
    runs = cleanups = 0;
    leave = way;
    pthread_t first = start(call_once, NULL), threads[THREADS];
    CHECK(sem_wait(&inside) == 0);
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(call_once, NULL);
    others_run();
    if (way == by_cancellation)
        CHECK(pthread_cancel(first) == 0);
    void *result = join(first);
    for (int i = 0; i < THREADS; i++)
        CHECK(join(threads[i]) == NULL);
    printf("%s: %s, %d runs, %d cleanup\n", name,
           result == PTHREAD_CANCELED ? "cancelled" : (char *)result, runs, cleanups);
}

/* ---- no cancellation point ----------------------------------------------- */

static void initialise_when_told(void)
{
    runs++;
    CHECK(sem_post(&inside) == 0);
    CHECK(take(quiet[0]) == 'x');
}

static void *wait_in_once(void *passed)
{
    CHECK(pthread_once(&control, initialise_when_told) == 0);
    if (passed) {
        ++*(int *)passed;
        pthread_testcancel();
    }
    return NULL;
}

static void stay(void)
{
    int passed = 0;
    control = PTHREAD_ONCE_INIT;
    runs = 0;
    pthread_t first = start(wait_in_once, NULL);
    CHECK(sem_wait(&inside) == 0);
    pthread_t waiter = start(wait_in_once, &passed);
    others_run();
    CHECK(pthread_cancel(waiter) == 0);
    others_run();
    CHECK(pthread_tryjoin_np(waiter, NULL) == EBUSY && passed == 0);
    give(quiet[1], 'x');
    join(first);
    CHECK(join(waiter) == PTHREAD_CANCELED);
    printf("a cancelled waiter: passed %d time, then cancelled\n", passed);
}

/* ---- nested, and forked -------------------------------------------------- */

static void initialise_last(void) { inner_runs++; }

static void initialise_inner(void)
{
    inner_runs++;
    CHECK(pthread_once(&last, initialise_last) == 0);
}

static void initialise_outer(void)
{
    runs++;
    CHECK(pthread_once(&inner, initialise_inner) == 0);
    sched_yield();
}

static void *call_nested(void *unused)
{
    CHECK(pthread_once(&control, initialise_outer) == 0);
    CHECK(runs == 1 && inner_runs == 2);
    CHECK(pthread_once(&inner, initialise_inner) == 0);
    return unused;
}

static void nest(void)
{
    pthread_t threads[THREADS];
    control = PTHREAD_ONCE_INIT;
    runs = 0;
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(call_nested, NULL);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    printf("nested: %d run, %d within\n", runs, inner_runs);
}

static void count_run(void) { runs++; }

static void fork_meanwhile(void)
{
    control = PTHREAD_ONCE_INIT;
    runs = 0;
    pthread_t first = start(wait_in_once, NULL);
    CHECK(sem_wait(&inside) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(pthread_once(&control, count_run) == 0);
        CHECK(pthread_once(&control, count_run) == 0);
        _exit(runs);
    }
    printf("forked in the middle: %s\n", child_end(child));
    give(quiet[1], 'x');
    join(first);
    CHECK(pthread_once(&control, count_run) == 0 && runs == 1);
}

int main(void)
{
    CHECK(pipe(quiet) == 0 && sem_init(&inside, 0, 0) == 0);
    retry("cancelled", by_cancellation);
    retry("pthread_exit", by_exit);
    stay();
    nest();
    fork_meanwhile();
    return 0;
}
