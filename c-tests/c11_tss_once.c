/* Thread-specific storage of C11 is each thread's own and its destructors run at
 * the thread's end; call_once calls once, and the others wait meanwhile:
 * C11 7.26.6 and 7.26.2, tss_create(3), call_once(3).
 */
#include "lib/c11.h"

enum { THREADS = 10 };

static tss_t plain, counted, revived;
static once_flag once = ONCE_FLAG_INIT;
static mtx_t mutex;
static int wires[2], destroyed, revivals, calls;

static void count_destroyed(void *value)
{
    CHECK(mtx_lock(&mutex) == thrd_success);
    destroyed += *(int *)value;
    CHECK(mtx_unlock(&mutex) == thrd_success);
}

/* A destructor that sets its value again is called again. */
static void revive(void *value)
{
    static int last;
    revivals++;
    if (value != &last)
        CHECK(tss_set(revived, &last) == thrd_success);
}

static int use_storage(void *argument)
{
    static int one = 1;
    CHECK(tss_get(plain) == NULL && tss_get(counted) == NULL);
    CHECK(tss_set(plain, argument) == thrd_success);
    CHECK(tss_set(counted, &one) == thrd_success);
    for (int i = 0; i < 50; i++) {
        thrd_yield();
        CHECK(tss_get(plain) == argument && tss_get(counted) == &one);
    }
    if (argument == NULL)
        thrd_exit(2);
    return 1;
}

static int set_revived(void *unused)
{
    (void)unused;
    static int first;
    CHECK(tss_set(revived, &first) == thrd_success);
    return 0;
}

static void initialise(void)
{
    CHECK(take(wires[0]) == 'x');
    calls++;
}

static int initialise_once(void *unused)
{
    (void)unused;
    call_once(&once, initialise);
    return calls;
}

static int sum_of_results(thrd_start_t body, int late_token)
{
    thrd_t threads[THREADS];
    int numbers[THREADS], sum = 0, result;
    for (int i = 0; i < THREADS; i++)
        threads[i] = start_c11(body, i == 0 ? NULL : &numbers[i]);
    if (late_token) {
        others_run();
        give(wires[1], (char)late_token);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(thrd_join(threads[i], &result) == thrd_success);
        sum += result;
    }
    return sum;
}

int main(void)
{
    CHECK(pipe(wires) == 0 && mtx_init(&mutex, mtx_plain) == thrd_success);
    CHECK(tss_create(&plain, NULL) == thrd_success);
    CHECK(tss_create(&counted, count_destroyed) == thrd_success);
    CHECK(tss_create(&revived, revive) == thrd_success);

    int sum = sum_of_results(use_storage, 0);
    printf("%d threads, results %d, destroyed %d\n", THREADS, sum, destroyed);
    CHECK(sum == THREADS + 1 && destroyed == THREADS);

    CHECK(thrd_join(start_c11(set_revived, NULL), NULL) == thrd_success);
    printf("destructor called %d times\n", revivals);
    CHECK(revivals == 2);

    sum = sum_of_results(initialise_once, 'x');
    printf("call_once: called %d, seen by %d\n", calls, sum);
    CHECK(calls == 1 && sum == THREADS);
    tss_delete(plain), tss_delete(counted), tss_delete(revived);
    mtx_destroy(&mutex);
    return 0;
}
