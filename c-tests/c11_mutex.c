/* C11 mutexes of every type exclude each other's holders, report thrd_busy and
 * thrd_timedout, and waiting for one holds up nobody else: C11 7.26.4,
 * mtx_lock(3).
 */
#include "lib/c11.h"
#include "lib/deadline.h"

enum { THREADS = 8, ROUNDS = 1000 };

static mtx_t mutex;
static int wires[2], count;

static const char *result_name(int result)
{
    return result == thrd_success    ? "thrd_success"
           : result == thrd_busy     ? "thrd_busy"
           : result == thrd_timedout ? "thrd_timedout"
                                     : "thrd_error";
}

/* Yields while it holds the mutex, so that the others have to wait. */
static int count_up(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(mtx_lock(&mutex) == thrd_success);
        int seen = count;
        if (i % 10 == 0)
            thrd_yield();
        count = seen + 1;
        CHECK(mtx_unlock(&mutex) == thrd_success);
    }
    return 0;
}

static int hold_until_told(void *held)
{
    CHECK(mtx_lock(&mutex) == thrd_success);
    give(*(int *)held, 'h');
    CHECK(take(wires[0]) == 'x');
    CHECK(mtx_unlock(&mutex) == thrd_success);
    return 0;
}

static int lock_late(void *unused)
{
    (void)unused;
    CHECK(mtx_lock(&mutex) == thrd_success);
    CHECK(mtx_unlock(&mutex) == thrd_success);
    return 0;
}

static int lock_within_an_hour(void *unused)
{
    (void)unused;
    struct timespec limit = in_milliseconds(3600 * 1000);
    CHECK(mtx_timedlock(&mutex, &limit) == thrd_success);
    CHECK(mtx_unlock(&mutex) == thrd_success);
    return 0;
}

static void contend(void)
{
    thrd_t threads[THREADS];
    count = 0;
    for (int i = 0; i < THREADS; i++)
        threads[i] = start_c11(count_up, NULL);
    for (int i = 0; i < THREADS; i++)
        CHECK(thrd_join(threads[i], NULL) == thrd_success);
    printf("  counted to %d\n", count);
    CHECK(count == THREADS * ROUNDS);
}

static void timed_out(void)
{
    struct timespec limit = in_milliseconds(20);
    printf("  timedlock: %s\n", result_name(mtx_timedlock(&mutex, &limit)));
    CHECK(reached(CLOCK_REALTIME, limit));
}

static void wait_for_holder(int is_timed)
{
    int held[2];
    CHECK(pipe(held) == 0);
    thrd_t holder = start_c11(hold_until_told, &held[1]);
    CHECK(take(held[0]) == 'h');
    printf("  trylock: %s\n", result_name(mtx_trylock(&mutex)));
    if (is_timed)
        timed_out();
    thrd_t waiter = start_c11(is_timed ? lock_within_an_hour : lock_late, NULL);
    others_run();
    give(wires[1], 'x');
    CHECK(thrd_join(holder, NULL) == thrd_success);
    CHECK(thrd_join(waiter, NULL) == thrd_success);
    printf("  trylock: %s\n", result_name(mtx_trylock(&mutex)));
    CHECK(mtx_unlock(&mutex) == thrd_success);
    close(held[0]), close(held[1]);
}

static void lock_again(void)
{
    for (int i = 0; i < 3; i++)
        CHECK(mtx_lock(&mutex) == thrd_success);
    printf("  trylock by the holder: %s\n", result_name(mtx_trylock(&mutex)));
    for (int i = 0; i < 4; i++)
        CHECK(mtx_unlock(&mutex) == thrd_success);
}

int main(void)
{
    static const struct {
        const char *name;
        int type;
    } types[] = {
        { "plain", mtx_plain },
        { "timed", mtx_timed },
        { "recursive", mtx_plain | mtx_recursive },
        { "timed recursive", mtx_timed | mtx_recursive },
    };
    CHECK(pipe(wires) == 0);
    for (size_t i = 0; i < COUNT(types); i++) {
        puts(types[i].name);
        CHECK(mtx_init(&mutex, types[i].type) == thrd_success);
        contend();
        wait_for_holder(types[i].type & mtx_timed);
        if (types[i].type & mtx_recursive)
            lock_again();
        mtx_destroy(&mutex);
    }
    return 0;
}
