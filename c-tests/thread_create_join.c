/*
 * thread_create_join: a value travels into a thread and back through join,
 * for 200 threads joined in another order than they were created in.
 * Follows pthread_create(3), pthread_join(3).
 */
#include "lib/expect.h"

enum { THREADS = 200 };

static void *square(void *argument)
{
    intptr_t number = (intptr_t)argument;
    return (void *)(number * number);
}

int main(void)
{
    pthread_t threads[THREADS];
    for (intptr_t i = 0; i < THREADS; i++)
        threads[i] = start_thread(square, (void *)i);

    intptr_t sum = 0;
    for (intptr_t i = THREADS - 1; i >= 0; i--) {
        intptr_t value = (intptr_t)join_thread(threads[i]);
        EXPECT(value == i * i);
        sum += value;
    }
    printf("%d threads, sum of squares %ld\n", THREADS, (long)sum);

    pthread_t thread = start_thread(square, (void *)12);
    show("join without asking for the value", pthread_join(thread, NULL));
    return 0;
}
