/* A handler that itself blocks, in read, runs while its thread waits for a
 * condition. The condition is signalled meanwhile, and other threads go on;
 * the thread finds it when the handler has returned: signal-safety(7),
 * pthread_cond_wait(3).
 */
#include "lib/check.h"

enum { ROUNDS = 20 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int flag, entered[2], gate[2];

static void block(int number)
{
    (void)number;
    give(entered[1], 'e');
    CHECK(take(gate[0]) == 'g');
}

/* Main holds the mutex until it waits: who has it knows that main does. */
static void *interrupt_main(void *unused)
{
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    CHECK(kill(getpid(), SIGUSR1) == 0);
    CHECK(take(entered[0]) == 'e');
    pthread_mutex_lock(&mutex);
    flag = 1;
    pthread_cond_signal(&condition);
    pthread_mutex_unlock(&mutex);
    others_run();
    give(gate[1], 'g');
    return unused;
}

int main(void)
{
    CHECK(pipe(entered) == 0 && pipe(gate) == 0);
    CHECK(signal(SIGUSR1, block) != SIG_ERR);
    for (int round = 0; round < ROUNDS; round++) {
        pthread_mutex_lock(&mutex);
        flag = 0;
        pthread_t thread = start(interrupt_main, NULL);
        while (!flag)
            CHECK(pthread_cond_wait(&condition, &mutex) == 0);
        pthread_mutex_unlock(&mutex);
        join(thread);
    }
    printf("%d conditions met under a handler that blocked\n", ROUNDS);
    return 0;
}
