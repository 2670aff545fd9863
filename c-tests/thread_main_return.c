/*
 * thread_main_return: when main returns, the process ends with main's status
 * although other threads still block: in read, on a condition, in join.
 * Follows pthread_create(3), exit(3).
 *
 * test: exit=3
 */
#include "lib/expect.h"
#include "lib/gate.h"

static struct gate never;
static pthread_barrier_t barrier;
static pthread_t reader;          /* not on the stack of main, which returns */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static void *block_in_read(void *unused)
{
    pthread_barrier_wait(&barrier);
    gate_wait(&never);
    puts("never printed");
    return unused;
}

static void *block_on_condition(void *unused)
{
    pthread_mutex_lock(&mutex);
    pthread_barrier_wait(&barrier);
    for (;;)
        pthread_cond_wait(&condition, &mutex);
    return unused;
}

static void *block_in_join(void *thread)
{
    pthread_barrier_wait(&barrier);
    join_thread(*(pthread_t *)thread);
    puts("never printed");
    return NULL;
}

int main(void)
{
    never = gate_make();
    OK(pthread_barrier_init(&barrier, NULL, 4));
    reader = start_thread(block_in_read, NULL);
    start_thread(block_on_condition, NULL);
    start_thread(block_in_join, &reader);
    pthread_barrier_wait(&barrier);
    printf("main returns 3");
    return 3;
}
