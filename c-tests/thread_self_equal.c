/*
 * thread_self_equal: pthread_self is the identity create reported, the same
 * after blocking, and different from that of every other living thread.
 * Follows pthread_self(3), pthread_equal(3).
 */
#include "lib/expect.h"
#include "lib/gate.h"

enum { THREADS = 20 };

static struct gate gate;
static pthread_t selves[THREADS];

static void *remember_self(void *slot)
{
    pthread_t self = pthread_self();
    *(pthread_t *)slot = self;
    gate_wait(&gate);
    return (void *)(intptr_t)(pthread_equal(self, pthread_self()) != 0);
}

int main(void)
{
    gate = gate_make();
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = start_thread(remember_self, &selves[i]);

    int duplicates = 0;
    for (int i = 0; i < THREADS; i++) {
        duplicates += pthread_equal(threads[i], pthread_self()) != 0;
        for (int j = 0; j < i; j++)
            duplicates += pthread_equal(threads[i], threads[j]) != 0;
    }
    printf("%d threads alive, %d pairs equal\n", THREADS, duplicates);
    EXPECT(duplicates == 0);

    gate_open(&gate);
    int stable = 0, same = 0;
    for (int i = 0; i < THREADS; i++) {
        stable += (int)(intptr_t)join_thread(threads[i]);
        same += pthread_equal(threads[i], selves[i]) != 0;
    }
    printf("self unchanged by blocking: %d, self as create said: %d\n", stable, same);
    EXPECT(stable == THREADS && same == THREADS);
    EXPECT(pthread_equal(pthread_self(), pthread_self()));
    return 0;
}
