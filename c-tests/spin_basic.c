/*
 * spin_basic: a spin lock excludes even when its holder yields or blocks while
 * others spin; trylock gives EBUSY.
 * Follows pthread_spin_lock(3), pthread_spin_init(3).
 */
#include "lib/expect.h"
#include "lib/gate.h"

enum { THREADS = 4, ROUNDS = 200 };

static pthread_spinlock_t lock;
static struct gate held, gate;
static long counter;

static void *count(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        OK(pthread_spin_lock(&lock));
        long seen = counter;
        if (i % 10 == 0)
            sched_yield();
        counter = seen + 1;
        OK(pthread_spin_unlock(&lock));
    }
    return unused;
}

static void *hold(void *unused)
{
    OK(pthread_spin_lock(&lock));
    gate_open(&held);
    gate_wait(&gate);
    OK(pthread_spin_unlock(&lock));
    return unused;
}

static void *open_gate(void *unused)
{
    gate_open(&gate);
    return unused;
}

int main(void)
{
    OK(pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE));
    show("trylock, free", pthread_spin_trylock(&lock));
    show("trylock, held", pthread_spin_trylock(&lock));
    show("unlock", pthread_spin_unlock(&lock));

    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = start_thread(count, NULL);
    for (int i = 0; i < THREADS; i++)
        join_thread(threads[i]);
    printf("counted %ld\n", counter);
    EXPECT(counter == THREADS * ROUNDS);

    held = gate_make();
    gate = gate_make();
    pthread_t holder = start_thread(hold, NULL);
    gate_wait(&held);
    show("trylock, holder blocked", pthread_spin_trylock(&lock));
    pthread_t opener = start_thread(open_gate, NULL);
    show("lock, spinning until the holder is through", pthread_spin_lock(&lock));
    show("unlock", pthread_spin_unlock(&lock));
    join_thread(holder);
    join_thread(opener);
    show("destroy", pthread_spin_destroy(&lock));
    return 0;
}
