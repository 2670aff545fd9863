/*
 * thread_join_errors: what join refuses.  A thread that joins itself gets
 * EDEADLK; joining a detached thread is EINVAL.
 * Follows pthread_join(3).
 */
#include "lib/expect.h"
#include "lib/gate.h"

static struct gate gate;

static void *join_self(void *unused)
{
    (void)unused;
    return (void *)(intptr_t)pthread_join(pthread_self(), NULL);
}

static void *wait_at_gate(void *unused)
{
    gate_wait(&gate);
    return unused;
}

int main(void)
{
    gate = gate_make();
    show("main joins itself", pthread_join(pthread_self(), NULL));

    pthread_t thread = start_thread(join_self, NULL);
    show("a thread joins itself", (int)(intptr_t)join_thread(thread));

    thread = start_thread(wait_at_gate, NULL);
    OK(pthread_detach(thread));
    show("join a detached thread", pthread_join(thread, NULL));
    gate_open(&gate);
    return 0;
}
