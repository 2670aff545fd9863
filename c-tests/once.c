/*
 * once: of many threads that call pthread_once, one runs the initialiser and
 * the others return only when it has finished, though it blocks on a pipe.
 * Follows pthread_once(3).
 */
#include "lib/expect.h"
#include "lib/gate.h"

enum { THREADS = 30 };

static pthread_once_t control = PTHREAD_ONCE_INIT;
static pthread_barrier_t barrier;
static struct gate started, gate;
static int runs;
static int complete;

static void initialise(void)
{
    runs++;
    gate_open(&started);
    gate_wait(&gate);
    complete = 1;
}

static void *call_once(void *unused)
{
    (void)unused;
    pthread_barrier_wait(&barrier);
    OK(pthread_once(&control, initialise));
    return (void *)(intptr_t)complete;
}

int main(void)
{
    started = gate_make();
    gate = gate_make();
    OK(pthread_barrier_init(&barrier, NULL, THREADS));
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = start_thread(call_once, NULL);

    gate_wait(&started);
    gate_open(&gate);
    int saw_complete = 0;
    for (int i = 0; i < THREADS; i++)
        saw_complete += join_thread(threads[i]) != NULL;
    printf("initialiser ran %d time, %d threads found it complete\n", runs, saw_complete);
    EXPECT(runs == 1 && saw_complete == THREADS);

    show("once more", pthread_once(&control, initialise));
    EXPECT(runs == 1);
    return 0;
}
