/* Locks of the program's own make, one of xchg in inline assembly and one of
 * __atomic_test_and_set, exclude: threads that spin for one without a call do
 * not keep its holder from running, be it computing or waiting for a pipe.
 * sched(7), SCHED_OTHER; the x86 lock is that of Intel's manual, XCHG.
 *
 * test: slow
 * test: timeout=20
 * test: env=GREEN_SLICE_MS=10
 */
#include "lib/check.h"

enum { THREADS = 4, COMPUTED = 300, PARKED = 5 };

static volatile int word;
static char bit;

static void lock_word(void)
{
    int taken;
    do {
        taken = 1;
        __asm__ volatile("xchgl %0, %1" : "+r"(taken), "+m"(word) : : "memory");
    } while (taken);
}

static void unlock_word(void)
{
    __asm__ volatile("movl $0, %0" : "=m"(word) : : "memory");
}

static void lock_bit(void)
{
    while (__atomic_test_and_set(&bit, __ATOMIC_ACQUIRE))
        while (__atomic_load_n(&bit, __ATOMIC_RELAXED))
            __builtin_ia32_pause();
}

static void unlock_bit(void)
{
    __atomic_clear(&bit, __ATOMIC_RELEASE);
}

static const struct kind {
    const char *name;
    void (*lock)(void);
    void (*unlock)(void);
} kinds[] = {
    { "xchg", lock_word, unlock_word },
    { "test and set", lock_bit, unlock_bit },
};

static volatile int counter, holders;
static int there[2], back[2];

/* Between reading the counter and writing it: computes, or waits for an echo. */
static void hold(int park)
{
    CHECK(holders++ == 0);
    int seen = counter;
    if (park) {
        give(there[1], (char)seen);
        CHECK(take(back[0]) == (char)seen);
    } else {
        for (volatile int i = 0; i < 20000; i++)
            ;
    }
    CHECK(counter == seen);
    counter = seen + 1;
    CHECK(--holders == 0);
}

static void *compute_holding(void *argument)
{
    const struct kind *kind = argument;
    for (int i = 0; i < COMPUTED; i++) {
        kind->lock();
        hold(0);
        kind->unlock();
    }
    return NULL;
}

static void *park_holding(void *argument)
{
    const struct kind *kind = argument;
    for (int i = 0; i < PARKED; i++) {
        kind->lock();
        hold(1);
        kind->unlock();
    }
    return NULL;
}

static void *echo(void *unused)
{
    for (int i = 0; i < THREADS * PARKED; i++)
        give(back[1], take(there[0]));
    return unused;
}

static void contend(const struct kind *kind, thread_body *body, const char *how, int right)
{
    pthread_t threads[THREADS];
    counter = 0;
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(body, (void *)kind);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    printf("%s, held %s: counted to %d\n", kind->name, how, counter);
    CHECK(counter == right);
}

int main(void)
{
    CHECK(pipe(there) == 0 && pipe(back) == 0);
    for (size_t i = 0; i < COUNT(kinds); i++) {
        contend(&kinds[i], compute_holding, "computing", THREADS * COMPUTED);
        pthread_t echoer = start(echo, NULL);
        contend(&kinds[i], park_holding, "in read", THREADS * PARKED);
        join(echoer);
    }
    return 0;
}
