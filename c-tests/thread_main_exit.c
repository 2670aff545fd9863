/*
 * thread_main_exit: when main ends by pthread_exit, the other threads go on,
 * main can be joined, and the process ends with status 0 and with all its
 * output when the last thread has ended.
 * Follows pthread_exit(3).
 */
#include "lib/expect.h"
#include "lib/gate.h"

enum { THREADS = 4 };

static struct gate gate;
static pthread_t main_thread;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int finished;

static void at_exit(void)
{
    printf("exit handler, %d threads finished\n", finished);
}

static void *finish(void *unused)
{
    gate_wait(&gate);
    pthread_mutex_lock(&mutex);
    printf("thread %d finishes\n", ++finished);
    pthread_mutex_unlock(&mutex);
    return unused;
}

static void *open_gate(void *unused)
{
    printf("main returned %s\n", (char *)join_thread(main_thread));
    gate_open(&gate);
    return unused;
}

int main(void)
{
    atexit(at_exit);
    gate = gate_make();
    main_thread = pthread_self();
    for (int i = 0; i < THREADS; i++)
        start_thread(finish, NULL);
    start_thread(open_gate, NULL);
    pthread_exit((void *)"main's value");
}
