/*
 * barrier_basic: nobody passes a barrier before all have come, one thread of
 * each round gets PTHREAD_BARRIER_SERIAL_THREAD, and the barrier may be
 * destroyed as soon as one is through.
 * Follows pthread_barrier_wait(3posix), pthread_barrier_init(3posix).
 */
#include "lib/expect.h"

#include <stdatomic.h>

enum { THREADS = 12, ROUNDS = 200 };

static pthread_barrier_t barrier;
static atomic_int arrived;
static atomic_int serial;

static void *meet(void *unused)
{
    for (int round = 1; round <= ROUNDS; round++) {
        arrived++;
        int result = pthread_barrier_wait(&barrier);
        EXPECT(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
        serial += result == PTHREAD_BARRIER_SERIAL_THREAD;
        EXPECT(arrived >= round * THREADS);
        pthread_barrier_wait(&barrier);
        EXPECT(serial == round);
        pthread_barrier_wait(&barrier);
    }
    return unused;
}

static void *meet_and_free(void *argument)
{
    pthread_barrier_t *shared = argument;
    if (pthread_barrier_wait(shared) == PTHREAD_BARRIER_SERIAL_THREAD) {
        OK(pthread_barrier_destroy(shared));
        memset(shared, 0xa5, sizeof *shared);
        free(shared);
    }
    return NULL;
}

static void run(void *(*entry)(void *), void *argument)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = start_thread(entry, argument);
    for (int i = 0; i < THREADS; i++)
        join_thread(threads[i]);
}

int main(void)
{
    show("count 0", pthread_barrier_init(&barrier, NULL, 0));
    OK(pthread_barrier_init(&barrier, NULL, 1));
    printf("alone: %s\n", pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD
           ? "the serial thread" : "not the serial thread");
    OK(pthread_barrier_destroy(&barrier));

    OK(pthread_barrier_init(&barrier, NULL, THREADS));
    run(meet, NULL);
    printf("%d rounds of %d threads, %d serial\n", ROUNDS, THREADS, serial);
    show("destroy", pthread_barrier_destroy(&barrier));

    for (int round = 0; round < 20; round++) {
        pthread_barrier_t *shared = malloc(sizeof *shared);
        EXPECT(shared);
        OK(pthread_barrier_init(shared, NULL, THREADS));
        run(meet_and_free, shared);
    }
    puts("destroyed by the first one through");
    return 0;
}
