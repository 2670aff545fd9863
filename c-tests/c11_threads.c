/* C11 threads are created, joined, detached and compared, sleep, yield and
 * exit; their results are ints: C11 7.26.5, thrd_create(3).
 */
#include "lib/c11.h"

enum { THREADS = 20 };

static int wires[2];
static mtx_t mutex;
static cnd_t all_ended;
static int ended;

static int negate(void *argument)
{
    return -*(int *)argument;
}

__attribute__((noinline)) static void exit_in_a_call(void)
{
    thrd_exit(42);
}

static int exit_early(void *unused)
{
    (void)unused;
    exit_in_a_call();
    return 0;
}

static int read_late(void *unused)
{
    (void)unused;
    return take(wires[0]);
}

static int compare(void *creator)
{
    thrd_t self = thrd_current();
    return thrd_equal(self, thrd_current()) && !thrd_equal(self, *(thrd_t *)creator);
}

static int end_detached(void *unused)
{
    (void)unused;
    CHECK(thrd_detach(thrd_current()) == thrd_success);
    CHECK(mtx_lock(&mutex) == thrd_success);
    ended++;
    CHECK(cnd_signal(&all_ended) == thrd_success);
    CHECK(mtx_unlock(&mutex) == thrd_success);
    return 0;
}

static int yield_often(void *argument)
{
    for (int i = 0; i < 100; i++) {
        ++*(int *)argument;
        thrd_yield();
    }
    return *(int *)argument;
}

static int sleep_shortly(void *unused)
{
    (void)unused;
    struct timespec short_while = { 0, 20 * 1000 * 1000 };
    double before = seconds(CLOCK_MONOTONIC);
    CHECK(thrd_sleep(&short_while, NULL) == 0);
    return seconds(CLOCK_MONOTONIC) - before >= 0.02;
}

static void join_waits(void)
{
    thrd_t reader = start_c11(read_late, NULL);
    others_run();
    give(wires[1], 'r');
    printf("read late: %c\n", join_c11(reader));
}

static void joins_many(void)
{
    thrd_t threads[THREADS];
    int numbers[THREADS], sum = 0;
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        threads[i] = start_c11(negate, &numbers[i]);
    }
    for (int i = 0; i < THREADS; i++)
        sum += join_c11(threads[i]);
    printf("%d results, sum %d\n", THREADS, sum);
}

static void ends_detached(void)
{
    CHECK(mtx_lock(&mutex) == thrd_success);
    for (int i = 0; i < THREADS; i++)
        start_c11(end_detached, NULL);
    while (ended < THREADS)
        CHECK(cnd_wait(&all_ended, &mutex) == thrd_success);
    CHECK(mtx_unlock(&mutex) == thrd_success);
    printf("%d detached\n", ended);
}

int main(void)
{
    CHECK(pipe(wires) == 0);
    CHECK(mtx_init(&mutex, mtx_plain) == thrd_success);
    CHECK(cnd_init(&all_ended) == thrd_success);
    thrd_t self = thrd_current();
    int steps = 0;

    join_waits();
    joins_many();
    printf("thrd_exit: %d\n", join_c11(start_c11(exit_early, NULL)));
    printf("current differs: %d\n", join_c11(start_c11(compare, &self)));
    ends_detached();
    printf("yields: %d\n", join_c11(start_c11(yield_often, &steps)));
    thrd_t sleeper = start_c11(sleep_shortly, NULL);
    others_run();
    printf("slept long enough: %d\n", join_c11(sleeper));
    CHECK(thrd_join(start_c11(negate, &steps), NULL) == thrd_success);
    puts("joined without a result");

    CHECK(thrd_sleep(&(struct timespec){ 0, 0 }, NULL) == 0);
    CHECK(thrd_sleep(&(struct timespec){ 0, 1000000000 }, NULL) < -1);
    puts("thrd_sleep rejects a bad time");
    return 0;
}
