/*
 * kill_zero: pthread_kill with signal 0 sends nothing and tells that a thread
 * exists: one that blocks, the caller, main, and one at its end that is not
 * joined; EINVAL for a number that is no signal.
 * Follows pthread_kill(3), and its NOTES for a thread at its end.
 */
#include "lib/expect.h"
#include "lib/gate.h"

#include <signal.h>

static struct gate gate;
static pthread_t main_thread;
static pthread_barrier_t barrier;

static void *block(void *unused)
{
    pthread_barrier_wait(&barrier);
    show("self", pthread_kill(pthread_self(), 0));
    show("main, from a thread", pthread_kill(main_thread, 0));
    pthread_barrier_wait(&barrier);
    gate_wait(&gate);
    return unused;
}

static void *end(void *unused)
{
    return unused;
}

int main(void)
{
    gate = gate_make();
    main_thread = pthread_self();
    OK(pthread_barrier_init(&barrier, NULL, 2));
    pthread_t blocked = start_thread(block, NULL);
    show("just created", pthread_kill(blocked, 0));
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    show("blocked", pthread_kill(blocked, 0));
    show("no such signal", pthread_kill(blocked, 65));
    show("negative signal", pthread_kill(blocked, -1));
    gate_open(&gate);
    join_thread(blocked);

    pthread_t ended = start_thread(end, NULL);
    sched_yield();
    show("ended or about to, not joined", pthread_kill(ended, 0));
    join_thread(ended);
    return 0;
}
