/*
 * mutex_normal: a counter under a contended mutex loses no increment, though
 * its holders yield and block in the middle of the critical section.
 * Follows pthread_mutex_lock(3posix).
 */
#include "lib/expect.h"

#include <sched.h>

enum { THREADS = 8, ROUNDS = 2000 };

static pthread_mutex_t mutex;
static int pipe_ends[2];
static long counter;
static int inside;
static int overlaps;

static void block_for_a_byte(void)
{
    char byte = 'x';
    SYS(write(pipe_ends[1], &byte, 1));
    SYS(read(pipe_ends[0], &byte, 1));
}

static void *count(void *unused)
{
    for (int round = 0; round < ROUNDS; round++) {
        OK(pthread_mutex_lock(&mutex));
        overlaps += inside++ != 0;
        long seen = counter;
        if (round % 4 == 0)
            sched_yield();
        if (round % 50 == 0)
            block_for_a_byte();
        counter = seen + 1;
        inside--;
        OK(pthread_mutex_unlock(&mutex));
    }
    return unused;
}

int main(void)
{
    SYS(pipe(pipe_ends));
    OK(pthread_mutex_init(&mutex, NULL));
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = start_thread(count, NULL);
    for (int i = 0; i < THREADS; i++)
        join_thread(threads[i]);
    printf("counted %ld, %d overlaps\n", counter, overlaps);
    EXPECT(counter == THREADS * ROUNDS && overlaps == 0);
    show("destroy", pthread_mutex_destroy(&mutex));
    return 0;
}
