/*
 * keys_iterations: the corners of thread-specific data.  A destructor that sets
 * its value again runs PTHREAD_DESTRUCTOR_ITERATIONS times; destructors may set
 * other keys, make, delete and block; there are PTHREAD_KEYS_MAX keys and no
 * more; a deleted key's destructor does not run, and the key that takes its
 * place is NULL in every thread.
 * Follows pthread_key_create(3posix), pthread_key_delete(3posix),
 * pthread_getspecific(3posix).  In which order destructors run is unspecified.
 */
#include "lib/expect.h"
#include "lib/gate.h"

#include <limits.h>
#include <semaphore.h>

static pthread_key_t all[PTHREAD_KEYS_MAX + 1];
static struct gate gate;
static sem_t ready;
static long calls, sum;

static void add_up(void *value)
{
    __atomic_fetch_add(&calls, 1, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&sum, (intptr_t)value, __ATOMIC_SEQ_CST);
}

static int make_all(void (*destructor)(void *))
{
    int count = 0, error;
    while ((error = pthread_key_create(&all[count], destructor)) == 0)
        EXPECT(++count <= PTHREAD_KEYS_MAX);
    EXPECT(error == EAGAIN);
    return count;
}

static void delete_all(int count)
{
    while (count > 0)
        OK(pthread_key_delete(all[--count]));
}

static void *set_all(void *argument)
{
    intptr_t count = (intptr_t)argument;
    for (intptr_t i = 0; i < count; i++) {
        EXPECT(!pthread_getspecific(all[i]));
        OK(pthread_setspecific(all[i], (void *)(i + 1)));
    }
    sched_yield();
    for (intptr_t i = 0; i < count; i++)
        EXPECT(pthread_getspecific(all[i]) == (void *)(i + 1));
    return NULL;
}

static void as_many_as_there_are(void)
{
    int count = make_all(add_up);
    printf("%d keys of at most %d, then EAGAIN\n", count, PTHREAD_KEYS_MAX);
    for (int i = 0; i < 2; i++) {
        calls = sum = 0;
        join_thread(start_thread(set_all, (void *)(intptr_t)count));
        printf("all with values: %ld destroyed, sum %ld\n", calls, sum);
        EXPECT(calls == count && sum == (long)count * (count + 1) / 2);
    }
    OK(pthread_key_delete(all[500]));
    OK(pthread_key_create(&all[500], NULL));
    show("one deleted, one made, one more", pthread_key_create(&all[count], NULL));
    delete_all(count);
    show("set a key beyond the last", pthread_setspecific(PTHREAD_KEYS_MAX, &gate));
    show("delete a key beyond the last", pthread_key_delete(PTHREAD_KEYS_MAX));
    printf("value of it: %s\n", pthread_getspecific(PTHREAD_KEYS_MAX) ? "something" : "NULL");
}

/* ---- destructors that set values ------------------------------------------------------ */

static pthread_key_t low, high, other;
static int low_calls, high_calls, other_calls;

static void set_low(void *value)
{
    low_calls++;
    OK(pthread_setspecific(low, value));
}

static void set_high(void *value)
{
    high_calls++;
    EXPECT(!pthread_getspecific(high)); /* NULL before the call */
    OK(pthread_setspecific(high, value));
}

static void count_other(void *unused)
{
    (void)unused;
    other_calls++;
}

/* Its value is set by the destructor of another key, once. */
static void set_other(void *value)
{
    OK(pthread_setspecific(other, value));
}

static void *set_low_and_high(void *value)
{
    OK(pthread_setspecific(low, value));
    OK(pthread_setspecific(high, value));
    return NULL;
}

/* The higher key has its values in another block of glibc's. */
static void stubborn(void)
{
    int count = make_all(NULL);
    OK(pthread_key_delete(all[0]));
    OK(pthread_key_delete(all[count - 1]));
    OK(pthread_key_create(&low, set_low));
    OK(pthread_key_create(&high, set_high));
    EXPECT(low < 32 && high > 900);
    for (int i = 0; i < 3; i++) {
        low_calls = high_calls = 0;
        join_thread(start_thread(set_low_and_high, &low));
        printf("stubborn destructors: %d and %d calls\n", low_calls, high_calls);
        EXPECT(low_calls == PTHREAD_DESTRUCTOR_ITERATIONS && high_calls == low_calls);
    }
    OK(pthread_key_delete(low));
    OK(pthread_key_delete(high));
    all[0] = all[count - 2];
    delete_all(count - 2);
}

static void others(void)
{
    /* Both orders: the key that is set is older, and younger. */
    for (int i = 0; i < 2; i++) {
        other_calls = 0;
        if (i == 0)
            OK(pthread_key_create(&other, count_other));
        OK(pthread_key_create(&low, set_other));
        if (i == 1)
            OK(pthread_key_create(&other, count_other));
        OK(pthread_key_create(&high, set_other));
        join_thread(start_thread(set_low_and_high, &low));
        /* Once if both destructors come before its turn, twice if it comes between them. */
        int right = other_calls == 1 || other_calls == 2;
        printf("a key set by other keys' destructors: destroyed %s\n",
               right ? "once or twice" : "wrongly");
        EXPECT(right);
        OK(pthread_key_delete(low));
        OK(pthread_key_delete(high));
        OK(pthread_key_delete(other));
    }
}

/* ---- destructors that make, delete and block ---------------------------------------------- */

static void make_other(void *value)
{
    OK(pthread_key_create(&other, count_other));
    OK(pthread_setspecific(other, value));
}

/* Its own key: set again, it would be called again if the key were still there. */
static void delete_own(void *value)
{
    calls++;
    OK(pthread_setspecific(high, value));
    OK(pthread_key_delete(high));
    EXPECT(pthread_setspecific(high, value) == EINVAL);
}

static void block(void *value)
{
    SYS(sem_post(&ready));
    gate_wait(&gate);
    add_up(value);
}

static void make_and_delete(void)
{
    calls = other_calls = 0;
    OK(pthread_key_create(&low, make_other));
    OK(pthread_key_create(&high, delete_own));
    join_thread(start_thread(set_low_and_high, &low));
    printf("a key made in a destructor: destroyed %d times\n", other_calls);
    printf("a destructor that deletes its own key: %ld calls\n", calls);
    EXPECT(other_calls == 1 && calls == 1);
    OK(pthread_key_delete(low));
    OK(pthread_key_delete(other));
}

/* The destructors of three threads block at a time; meanwhile the key is deleted, which the
 * calls under way do not notice. */
static void blocking(void)
{
    pthread_t threads[3];
    gate = gate_make();
    calls = sum = 0;
    OK(pthread_key_create(&low, block));
    OK(pthread_key_create(&high, add_up));
    for (int i = 0; i < 3; i++)
        threads[i] = start_thread(set_low_and_high, (void *)10);
    for (int i = 0; i < 3; i++)
        SYS(sem_wait(&ready));
    OK(pthread_key_delete(low));
    gate_open(&gate);
    for (int i = 0; i < 3; i++)
        join_thread(threads[i]);
    printf("blocked destructors: %ld destroyed, sum %ld\n", calls, sum);
    EXPECT(calls == 6 && sum == 60);
    OK(pthread_key_delete(high));
}

/* ---- deleted keys ---------------------------------------------------------------------- */

static pthread_barrier_t barrier;

static void *keep_values(void *unused)
{
    OK(pthread_setspecific(low, &low));
    OK(pthread_setspecific(high, &high));
    pthread_barrier_wait(&barrier);
    gate_wait(&gate);
    EXPECT(!pthread_getspecific(low) && !pthread_getspecific(high));
    return unused;
}

static void reused(void)
{
    enum { THREADS = 5 };
    pthread_t threads[THREADS];
    int count = make_all(add_up);
    low = all[3];
    high = all[count - 4];
    calls = 0;
    gate = gate_make();
    OK(pthread_barrier_init(&barrier, NULL, THREADS + 1));
    for (int i = 0; i < THREADS; i++)
        threads[i] = start_thread(keep_values, NULL);
    OK(pthread_setspecific(low, &low));
    pthread_barrier_wait(&barrier);

    /* With all keys taken, the next two must be these again. */
    pthread_key_t again[2];
    OK(pthread_key_delete(low));
    OK(pthread_key_delete(high));
    OK(pthread_key_create(&again[0], add_up));
    OK(pthread_key_create(&again[1], add_up));
    EXPECT((again[0] == low && again[1] == high) || (again[0] == high && again[1] == low));
    gate_open(&gate);
    for (int i = 0; i < THREADS; i++)
        join_thread(threads[i]);
    printf("reused keys: %s in main, NULL in %d threads, %ld old values destroyed\n",
           pthread_getspecific(low) ? "old value" : "NULL", THREADS, calls);
    EXPECT(!pthread_getspecific(low) && calls == 0);
    delete_all(count);
}

int main(void)
{
    SYS(sem_init(&ready, 0, 0));
    as_many_as_there_are();
    stubborn();
    others();
    make_and_delete();
    blocking();
    reused();
    return 0;
}
