/*
 * thread_detach: a thread can be detached by its creator while it runs, by
 * itself, and after its end; it runs to its end all the same.
 * Follows pthread_detach(3).
 */
#include "lib/expect.h"
#include "lib/gate.h"

#include <semaphore.h>

enum { THREADS = 50 };

static struct gate gate;
static sem_t done;
static pthread_barrier_t ended;

static void *wait_at_gate(void *unused)
{
    gate_wait(&gate);
    SYS(sem_post(&done));
    return unused;
}

static void *detach_self(void *unused)
{
    OK(pthread_detach(pthread_self()));
    SYS(sem_post(&done));
    return unused;
}

static void *end_soon(void *unused)
{
    pthread_barrier_wait(&ended);
    return unused;
}

static void wait_for(int threads)
{
    for (int i = 0; i < threads; i++)
        SYS(sem_wait(&done));
}

int main(void)
{
    SYS(sem_init(&done, 0, 0));
    gate = gate_make();
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread = start_thread(wait_at_gate, NULL);
        OK(pthread_detach(thread));
        if (i == 0)
            show("detach twice", pthread_detach(thread));
    }
    gate_open(&gate);
    wait_for(THREADS);
    printf("%d detached by their creator ran to the end\n", THREADS);

    for (int i = 0; i < THREADS; i++)
        start_thread(detach_self, NULL);
    wait_for(THREADS);
    printf("%d detached by themselves ran to the end\n", THREADS);

    OK(pthread_barrier_init(&ended, NULL, 2));
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread = start_thread(end_soon, NULL);
        pthread_barrier_wait(&ended);
        OK(pthread_detach(thread));
    }
    printf("%d detached at their end\n", THREADS);
    return 0;
}
