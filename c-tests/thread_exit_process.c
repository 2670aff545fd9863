/*
 * thread_exit_process: exit() in a worker ends the whole process with its
 * status, runs the exit handlers in that worker, the newest first, and flushes
 * what stdio holds, while main and another thread block.
 * Follows exit(3), atexit(3).
 *
 * test: exit=7
 */
#include "lib/expect.h"
#include "lib/gate.h"

static struct gate never;
static pthread_barrier_t barrier;
static pthread_t worker;

static void first_handler(void)
{
    printf("first handler, in the worker: %s", pthread_equal(pthread_self(), worker) ? "yes" : "no");
}

static void second_handler(void)
{
    printf("second handler\n");
}

static void *block(void *unused)
{
    pthread_barrier_wait(&barrier);
    gate_wait(&never);
    return unused;
}

static void *leave(void *unused)
{
    worker = pthread_self();
    pthread_barrier_wait(&barrier);
    printf("no newline, ");
    exit(7);
    return unused;
}

int main(void)
{
    never = gate_make();
    atexit(first_handler);
    atexit(second_handler);
    OK(pthread_barrier_init(&barrier, NULL, 2));
    pthread_t blocked = start_thread(block, NULL);
    pthread_barrier_wait(&barrier);
    start_thread(leave, NULL);
    pthread_barrier_wait(&barrier);
    join_thread(blocked);
    return 1;
}
