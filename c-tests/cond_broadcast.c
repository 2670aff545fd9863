/*
 * cond_broadcast: a broadcast wakes all 100 waiters, each round once, and
 * none that began to wait after it.
 * Follows pthread_cond_broadcast(3).
 */
#include "lib/expect.h"

enum { WAITERS = 100, ROUNDS = 20 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t next_round = PTHREAD_COND_INITIALIZER;
static pthread_cond_t all_wait = PTHREAD_COND_INITIALIZER;
static int generation;
static int waiting;

static void *wait_each_round(void *unused)
{
    (void)unused;
    intptr_t wakes = 0;
    pthread_mutex_lock(&mutex);
    for (int round = 0; round < ROUNDS; round++) {
        int mine = generation;
        if (++waiting == WAITERS)
            OK(pthread_cond_signal(&all_wait));
        while (generation == mine)
            OK(pthread_cond_wait(&next_round, &mutex));
        EXPECT(generation == mine + 1);
        wakes++;
    }
    pthread_mutex_unlock(&mutex);
    return (void *)wakes;
}

int main(void)
{
    pthread_t threads[WAITERS];
    for (int i = 0; i < WAITERS; i++)
        threads[i] = start_thread(wait_each_round, NULL);

    pthread_mutex_lock(&mutex);
    for (int round = 0; round < ROUNDS; round++) {
        while (waiting < WAITERS)
            OK(pthread_cond_wait(&all_wait, &mutex));
        waiting = 0;
        generation++;
        OK(pthread_cond_broadcast(&next_round));
    }
    pthread_mutex_unlock(&mutex);

    long wakes = 0;
    for (int i = 0; i < WAITERS; i++)
        wakes += (intptr_t)join_thread(threads[i]);
    printf("%d broadcasts, %d waiters, %ld wake-ups\n", ROUNDS, WAITERS, wakes);
    EXPECT(wakes == ROUNDS * WAITERS);
    return 0;
}
