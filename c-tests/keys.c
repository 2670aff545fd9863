/*
 * keys: thread-specific data.  Values are per thread, start as NULL, keep
 * through blocking, and are given to their destructor at the thread's end,
 * again and again up to PTHREAD_DESTRUCTOR_ITERATIONS times.
 * Follows pthread_key_create(3posix), pthread_getspecific(3posix).
 */
#include "lib/expect.h"
#include "lib/gate.h"

#include <limits.h>

enum { KEYS = 100, THREADS = 10 };

static struct gate gate;
static pthread_key_t keys[KEYS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long destroyed_sum;
static int destroyed;

static void add_up(void *value)
{
    pthread_mutex_lock(&mutex);
    destroyed_sum += (intptr_t)value;
    destroyed++;
    pthread_mutex_unlock(&mutex);
}

/* Odd slots stay NULL: no destructor call for them. */
static void *use_all(void *argument)
{
    intptr_t thread = (intptr_t)argument;
    int right = 1;
    for (int i = 0; i < KEYS; i++)
        right &= pthread_getspecific(keys[i]) == NULL;
    for (int i = 0; i < KEYS; i += 2)
        OK(pthread_setspecific(keys[i], (void *)(thread * 1000 + i + 1)));
    gate_wait(&gate);
    for (int i = 0; i < KEYS; i++)
        right &= pthread_getspecific(keys[i])
            == (i % 2 ? NULL : (void *)(thread * 1000 + i + 1));
    return (void *)(intptr_t)right;
}

static void many_keys(void)
{
    gate = gate_make();
    for (int i = 0; i < KEYS; i++)
        OK(pthread_key_create(&keys[i], add_up));
    pthread_t threads[THREADS];
    for (intptr_t i = 0; i < THREADS; i++)
        threads[i] = start_thread(use_all, (void *)i);
    gate_open(&gate);
    for (int i = 0; i < THREADS; i++)
        EXPECT(join_thread(threads[i]));
    printf("%d keys, %d threads: %d values destroyed, sum %ld\n", KEYS, THREADS, destroyed,
           destroyed_sum);
    EXPECT(destroyed == KEYS / 2 * THREADS);
    for (int i = 0; i < KEYS; i++)
        OK(pthread_key_delete(keys[i]));
}

static pthread_key_t stubborn;
static int calls;

static void set_again(void *value)
{
    calls++;
    OK(pthread_setspecific(stubborn, value));
}

static void *use_stubborn(void *value)
{
    OK(pthread_setspecific(stubborn, value));
    pthread_exit(value);
}

static void iterations(void)
{
    OK(pthread_key_create(&stubborn, set_again));
    join_thread(start_thread(use_stubborn, &calls));
    printf("stubborn destructor called %d times of at most %d\n", calls,
           PTHREAD_DESTRUCTOR_ITERATIONS);
    EXPECT(calls == PTHREAD_DESTRUCTOR_ITERATIONS);
    OK(pthread_key_delete(stubborn));
}

static pthread_key_t deleted;

static void *use_deleted(void *value)
{
    OK(pthread_setspecific(deleted, value));
    OK(pthread_key_delete(deleted));
    return value;
}

/* No destructor for a deleted key, and its successor starts afresh. */
static void deletion(void)
{
    destroyed = 0;
    OK(pthread_key_create(&deleted, add_up));
    pthread_key_t old = deleted;
    OK(pthread_setspecific(deleted, &old));
    join_thread(start_thread(use_deleted, &old));
    printf("deleted key: %d destroyed\n", destroyed);
    EXPECT(destroyed == 0);
    show("set a deleted key", pthread_setspecific(old, &old));
    show("delete twice", pthread_key_delete(old));
    OK(pthread_key_create(&deleted, NULL));
    printf("new key: %s\n", pthread_getspecific(deleted) ? "old value" : "NULL");
    OK(pthread_key_delete(deleted));
}

/* There is an end to the keys, and it is well beyond what POSIX promises. */
static void exhaustion(void)
{
    static pthread_key_t all[PTHREAD_KEYS_MAX + 1];
    int count = 0, error;
    while ((error = pthread_key_create(&all[count], NULL)) == 0)
        EXPECT(++count <= PTHREAD_KEYS_MAX);
    show("one key too many", error);
    EXPECT(count >= 900);
    while (count > 0)
        OK(pthread_key_delete(all[--count]));
}

int main(void)
{
    many_keys();
    iterations();
    deletion();
    exhaustion();
    return 0;
}
