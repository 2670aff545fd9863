/*
 * fork_from_thread: a worker forks while others block.  The child has that one
 * thread alone: the others never run there, and it can create threads of its
 * own; in the parent everybody goes on.
 * Follows fork(2).
 */
#include "lib/expect.h"
#include "lib/gate.h"

#include <sys/wait.h>

enum { BLOCKED = 5, CHILDREN = 5 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static pthread_cond_t all_blocked = PTHREAD_COND_INITIALIZER;
static int blocked, go, woken;

static void *block(void *unused)
{
    OK(pthread_mutex_lock(&mutex));
    if (++blocked == BLOCKED)
        OK(pthread_cond_signal(&all_blocked));
    while (!go)
        OK(pthread_cond_wait(&released, &mutex));
    woken++;
    OK(pthread_mutex_unlock(&mutex));
    return unused;
}

static void *wait_at_gate(void *gate)
{
    gate_wait(gate);
    sched_yield();
    return gate;
}

static void release(void)
{
    OK(pthread_mutex_lock(&mutex));
    go = 1;
    OK(pthread_cond_broadcast(&released));
    OK(pthread_mutex_unlock(&mutex));
}

/* Whoever else ran here would be woken by the broadcast. */
static void be_child(pthread_t forker)
{
    EXPECT(pthread_equal(pthread_self(), forker));
    release();
    struct gate gate = gate_make();
    pthread_t threads[CHILDREN];
    for (int i = 0; i < CHILDREN; i++)
        threads[i] = start_thread(wait_at_gate, &gate);
    gate_open(&gate);
    for (int i = 0; i < CHILDREN; i++)
        join_thread(threads[i]);
    _exit(woken == 0 ? 5 : 6);
}

static void *fork_and_wait(void *unused)
{
    (void)unused;
    pthread_t self = pthread_self();
    pid_t child = (pid_t)SYS(fork());
    if (child == 0)
        be_child(self);
    int status;
    SYS(waitpid(child, &status, 0));
    return (void *)(intptr_t)status;
}

int main(void)
{
    pthread_t threads[BLOCKED];
    for (int i = 0; i < BLOCKED; i++)
        threads[i] = start_thread(block, NULL);
    OK(pthread_mutex_lock(&mutex));
    while (blocked < BLOCKED)
        OK(pthread_cond_wait(&all_blocked, &mutex));
    OK(pthread_mutex_unlock(&mutex));

    int status = (int)(intptr_t)join_thread(start_thread(fork_and_wait, NULL));
    printf("child: %s %d\n", WIFEXITED(status) ? "exit status" : "signal",
           WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));

    release();
    for (int i = 0; i < BLOCKED; i++)
        join_thread(threads[i]);
    printf("parent: %d woken\n", woken);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 5 && woken == BLOCKED);
    return 0;
}
