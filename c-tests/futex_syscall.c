/* Threads that wait and wake by futex system calls of their own, as language
 * runtimes and hand-written locks do, hold up nobody else: futex(2).
 */
#include "lib/check.h"
#include "lib/deadline.h"
#include "lib/futex.h"

enum { THREADS = 8, ROUNDS = 2000 };

static word first, second, lock_word;
static int wires[2], counter;

/* ---- what needs no second thread --------------------------------------- */

static void time_out(void)
{
    struct timespec relative = { 0, 20 * 1000 * 1000 }, nothing = { 0, 0 };
    struct timespec past = { 1, 0 }, bad = { 0, 1000000000 };
    double before = seconds(CLOCK_MONOTONIC);
    first = 5;
    FAILS(EAGAIN, futex(&first, FUTEX_WAIT, 4, NULL, NULL, 0));
    FAILS(EAGAIN, futex(&first, FUTEX_WAIT_PRIVATE, 4, &relative, NULL, 0));
    FAILS(EAGAIN, futex(&first, FUTEX_WAIT_BITSET_PRIVATE, 4, NULL, NULL, 1));
    FAILS(ETIMEDOUT, futex(&first, FUTEX_WAIT_PRIVATE, 5, &nothing, NULL, 0));
    FAILS(ETIMEDOUT, futex(&first, FUTEX_WAIT_BITSET_PRIVATE, 5, &past, NULL, 1));
    FAILS(EINVAL, futex(&first, FUTEX_WAIT_PRIVATE, 5, &bad, NULL, 0));
    FAILS(EINVAL, futex(&first, FUTEX_WAIT_BITSET_PRIVATE, 5, NULL, NULL, 0));
    FAILS(EINVAL, futex((word *)((char *)&first + 1), FUTEX_WAIT_PRIVATE, 5, NULL,
                        NULL, 0));

    CHECK(seconds(CLOCK_MONOTONIC) - before < 20);
    before = seconds(CLOCK_MONOTONIC);
    FAILS(ETIMEDOUT, futex(&first, FUTEX_WAIT_PRIVATE, 5, &relative, NULL, 0));
    CHECK(seconds(CLOCK_MONOTONIC) - before >= 0.02);

    struct timespec limit = time_in(CLOCK_MONOTONIC, 20);
    before = seconds(CLOCK_MONOTONIC);
    FAILS(ETIMEDOUT, futex(&first, FUTEX_WAIT_BITSET_PRIVATE, 5, &limit, NULL,
                           FUTEX_BITSET_MATCH_ANY));
    CHECK(seconds(CLOCK_MONOTONIC) - before >= 0.015);
    limit = time_in(CLOCK_REALTIME, 20);
    before = seconds(CLOCK_MONOTONIC);
    FAILS(ETIMEDOUT, futex(&first, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME,
                           5, &limit, NULL, FUTEX_BITSET_MATCH_ANY));
    CHECK(seconds(CLOCK_MONOTONIC) - before >= 0.015);
    printf("wake without a waiter: %ld\n", wake(&first, 1));
}

/* ---- wake-ups ---------------------------------------------------------- */

struct sleeper {
    word *at;
    word bits; /* 0: a plain wait */
};

static void *sleep_on(void *argument)
{
    const struct sleeper *sleeper = argument;
    int operation = sleeper->bits ? FUTEX_WAIT_BITSET_PRIVATE : FUTEX_WAIT_PRIVATE;
    CHECK(futex(sleeper->at, operation, 0, NULL, NULL, sleeper->bits) == 0);
    return NULL;
}

/* Nobody can be seen to sleep on a futex, but a requeue to the same word counts
 * the sleepers and moves none of them to where it was not. */
static void start_sleepers(pthread_t *threads, struct sleeper *sleepers, int count)
{
    first = 0;
    for (int i = 0; i < count; i++)
        threads[i] = start(sleep_on, &sleepers[i]);
    while (futex(&first, FUTEX_CMP_REQUEUE_PRIVATE, 0, (void *)(long)INT_MAX,
                 &first, 0) < count)
        sched_yield();
}

static void join_count(pthread_t *threads, int count)
{
    for (int i = 0; i < count; i++)
        join(threads[i]);
}

static void wake_some(void)
{
    pthread_t threads[5];
    struct sleeper sleepers[5];
    for (int i = 0; i < 5; i++)
        sleepers[i] = (struct sleeper){ &first, 0 };
    start_sleepers(threads, sleepers, 5);
    others_run();
    printf("wake 2: %ld, ", wake(&first, 2));
    printf("all: %ld, ", wake(&first, INT_MAX));
    printf("again: %ld\n", wake(&first, INT_MAX));
    join_count(threads, 5);
}

static void wake_by_bits(void)
{
    pthread_t threads[3];
    struct sleeper sleepers[3] = { { &first, 1 }, { &first, 2 }, { &first, 3 } };
    start_sleepers(threads, sleepers, 3);
    printf("bits 4: %ld, ", futex(&first, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, NULL,
                                  NULL, 4));
    printf("bits 2: %ld, ", futex(&first, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, NULL,
                                  NULL, 2));
    join(threads[1]), join(threads[2]);
    printf("bits 1: %ld\n", futex(&first, FUTEX_WAKE_BITSET_PRIVATE, INT_MAX, NULL,
                                  NULL, 1));
    join(threads[0]);
}

static void requeue(int operation, const char *name)
{
    pthread_t threads[5];
    struct sleeper sleepers[5];
    for (int i = 0; i < 5; i++)
        sleepers[i] = (struct sleeper){ &first, 0 };
    start_sleepers(threads, sleepers, 5);
    if (operation == FUTEX_CMP_REQUEUE_PRIVATE)
        FAILS(EAGAIN, futex(&first, operation, 1, (void *)2L, &second, 7));
    printf("%s: %ld, ", name, futex(&first, operation, 1, (void *)2L, &second, 0));
    printf("first: %ld, ", wake(&first, INT_MAX));
    printf("second: %ld\n", wake(&second, INT_MAX));
    join_count(threads, 5);
}

/* ---- a lock of one's own, as in "Futexes Are Tricky" -------------------- */

static void lock(void)
{
    word seen = 0;
    if (__atomic_compare_exchange_n(&lock_word, &seen, 1, 0, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST))
        return;
    while (__atomic_exchange_n(&lock_word, 2, __ATOMIC_SEQ_CST) != 0)
        CHECK(futex(&lock_word, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0) == 0
              || errno == EAGAIN);
}

static void unlock(void)
{
    if (__atomic_exchange_n(&lock_word, 0, __ATOMIC_SEQ_CST) == 2)
        wake(&lock_word, 1);
}

static void *count_up(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        lock();
        int seen = counter;
        if (i % 20 == 0)
            sched_yield();
        counter = seen + 1;
        unlock();
    }
    return unused;
}

/* The holder blocks in read while the others want the lock. */
static void *hold_until_told(void *held)
{
    lock();
    give(*(int *)held, 'h');
    CHECK(take(wires[0]) == 'x');
    unlock();
    return NULL;
}

static void contend(void)
{
    int held[2];
    CHECK(pipe(held) == 0 && pipe(wires) == 0);
    pthread_t holder = start(hold_until_told, &held[1]), threads[THREADS];
    CHECK(take(held[0]) == 'h');
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(count_up, NULL);
    others_run();
    CHECK(counter == 0);
    give(wires[1], 'x');
    join_count(threads, THREADS);
    join(holder);
    printf("own lock: counted to %d\n", counter);
    CHECK(counter == THREADS * ROUNDS);
}

int main(void)
{
    time_out();
    wake_some();
    wake_by_bits();
    requeue(FUTEX_REQUEUE_PRIVATE, "requeue");
    requeue(FUTEX_CMP_REQUEUE_PRIVATE, "cmp_requeue");
    contend();
    return 0;
}
