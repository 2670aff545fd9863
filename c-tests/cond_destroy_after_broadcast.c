/*
 * cond_destroy_after_broadcast: a condition may be destroyed, and its memory
 * used for something else, right after the broadcast that wakes its waiters,
 * before they have run.
 * Follows pthread_cond_destroy(3posix), the example under "Examples".
 */
#include "lib/expect.h"

enum { WAITERS = 8, ROUNDS = 200 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_wait = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_cond_t *condition;
static int waiting;
static int generation;

static void *wait_each_round(void *unused)
{
    for (int round = 0; round < ROUNDS; round++) {
        OK(pthread_mutex_lock(&mutex));
        if (++waiting == WAITERS)
            OK(pthread_cond_signal(&all_wait));
        pthread_cond_t *current = condition;
        /* Until the broadcast *current lives; after it, it must not be touched. */
        while (generation == round)
            OK(pthread_cond_wait(current, &mutex));
        EXPECT(generation == round + 1);
        OK(pthread_mutex_unlock(&mutex));
        pthread_barrier_wait(&barrier);
    }
    return unused;
}

static void one_round(void)
{
    OK(pthread_mutex_lock(&mutex));
    while (waiting < WAITERS)
        OK(pthread_cond_wait(&all_wait, &mutex));
    waiting = 0;
    generation++;
    OK(pthread_cond_broadcast(condition));
    OK(pthread_cond_destroy(condition));
    memset(condition, 0xa5, sizeof *condition);
    free(condition);
    condition = malloc(sizeof *condition);
    EXPECT(condition);
    OK(pthread_cond_init(condition, NULL));
    OK(pthread_mutex_unlock(&mutex));
    pthread_barrier_wait(&barrier);
}

int main(void)
{
    OK(pthread_barrier_init(&barrier, NULL, WAITERS + 1));
    condition = malloc(sizeof *condition);
    EXPECT(condition);
    OK(pthread_cond_init(condition, NULL));
    pthread_t threads[WAITERS];
    for (int i = 0; i < WAITERS; i++)
        threads[i] = start_thread(wait_each_round, NULL);
    for (int round = 0; round < ROUNDS; round++)
        one_round();
    for (int i = 0; i < WAITERS; i++)
        join_thread(threads[i]);
    OK(pthread_cond_destroy(condition));
    free(condition);
    printf("%d rounds, %d waiters each\n", generation, WAITERS);
    return 0;
}
