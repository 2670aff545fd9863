/*
 * mutex_trylock: trylock never waits: EBUSY while the mutex is held, by the
 * caller itself or by a thread that blocks; success when it is free.
 * Follows pthread_mutex_trylock(3posix).
 */
#include "lib/gate.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct gate held, gate;

static void *hold(void *unused)
{
    OK(pthread_mutex_lock(&mutex));
    gate_open(&held);
    gate_wait(&gate);
    OK(pthread_mutex_unlock(&mutex));
    return unused;
}

int main(void)
{
    held = gate_make();
    gate = gate_make();
    show("free", pthread_mutex_trylock(&mutex));
    show("held by the caller", pthread_mutex_trylock(&mutex));
    OK(pthread_mutex_unlock(&mutex));

    pthread_t thread = start_thread(hold, NULL);
    gate_wait(&held);
    show("held by a blocked thread", pthread_mutex_trylock(&mutex));
    gate_open(&gate);
    while (pthread_mutex_trylock(&mutex) == EBUSY)
        sched_yield();
    puts("got it by trying again");
    OK(pthread_mutex_unlock(&mutex));
    join_thread(thread);
    show("free again", pthread_mutex_trylock(&mutex));
    return 0;
}
