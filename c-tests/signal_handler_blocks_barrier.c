/* A handler that itself blocks, in read, runs while its thread waits at a
 * barrier. The barrier opens meanwhile, and other threads go on; the thread
 * passes it when the handler has returned: signal-safety(7),
 * pthread_barrier_wait(3).
 */
#include "lib/check.h"

enum { ROUNDS = 20 };

static pthread_barrier_t barrier;
static int entered[2], gate[2];

static void block(int number)
{
    (void)number;
    give(entered[1], 'e');
    CHECK(take(gate[0]) == 'g');
}

static void *open_gate(void *unused)
{
    others_run();
    give(gate[1], 'g');
    return unused;
}

/* The gate opens whether main was at the barrier already or is not there yet. */
static void *interrupt_main(void *serial)
{
    others_run();
    CHECK(kill(getpid(), SIGUSR1) == 0);
    CHECK(take(entered[0]) == 'e');
    pthread_t opener = start(open_gate, NULL);
    *(int *)serial = pthread_barrier_wait(&barrier);
    join(opener);
    return NULL;
}

int main(void)
{
    CHECK(pipe(entered) == 0 && pipe(gate) == 0);
    CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
    CHECK(signal(SIGUSR1, block) != SIG_ERR);
    for (int round = 0; round < ROUNDS; round++) {
        int theirs;
        pthread_t thread = start(interrupt_main, &theirs);
        int mine = pthread_barrier_wait(&barrier);
        join(thread);
        CHECK((mine == PTHREAD_BARRIER_SERIAL_THREAD && theirs == 0)
              || (mine == 0 && theirs == PTHREAD_BARRIER_SERIAL_THREAD));
    }
    printf("%d barriers passed under a handler that blocked\n", ROUNDS);
    return 0;
}
