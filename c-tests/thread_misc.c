/*
 * thread_misc: joins that do not wait, of the caller, of a running, a detached
 * and an ended thread; a thousand threads detached about when they end leave
 * nothing behind; the concurrency level is kept; pthread_yield lets others run.
 * Follows pthread_tryjoin_np(3), pthread_detach(3), pthread_setconcurrency(3),
 * pthread_yield(3).
 */
#include "lib/expect.h"
#include "lib/gate.h"
#include "lib/usage.h"

#include <semaphore.h>
#include <stdatomic.h>

enum { WARM_UP = 100, DETACHED = 1000 };

static struct gate gate;
static sem_t ended;
static const struct timespec past = { 0, 0 };

static void *wait_at_gate(void *value)
{
    gate_wait(&gate);
    return value;
}

/* A deadline in the past only asks. */
static void join_without_waiting(void)
{
    void *value = "untouched";
    int error;
    gate = gate_make();
    show("tryjoin of itself", pthread_tryjoin_np(pthread_self(), NULL));
    show("timedjoin of itself", pthread_timedjoin_np(pthread_self(), NULL, &past));
    show("clockjoin of itself",
         pthread_clockjoin_np(pthread_self(), NULL, CLOCK_MONOTONIC, &past));

    pthread_t thread = start_thread(wait_at_gate, (void *)"its value");
    show("tryjoin, running", pthread_tryjoin_np(thread, &value));
    show("timedjoin, running", pthread_timedjoin_np(thread, &value, &past));
    show("clockjoin, running", pthread_clockjoin_np(thread, &value, CLOCK_MONOTONIC, &past));
    show("clockjoin, a clock not to wait by",
         pthread_clockjoin_np(thread, &value, CLOCK_PROCESS_CPUTIME_ID, &past));
    printf("value: %s\n", (char *)value);
    gate_open(&gate);
    while ((error = pthread_timedjoin_np(thread, &value, &past)) == ETIMEDOUT)
        sched_yield();
    show("timedjoin, ended", error);
    printf("value: %s\n", (char *)value);

    gate = gate_make();
    thread = start_thread(wait_at_gate, NULL);
    OK(pthread_detach(thread));
    show("tryjoin, detached", pthread_tryjoin_np(thread, NULL));
    show("timedjoin, detached", pthread_timedjoin_np(thread, NULL, &past));
    gate_open(&gate);
}

static void *end(void *unused)
{
    SYS(sem_post(&ended));
    return unused;
}

static void detach(int count)
{
    for (int i = 0; i < count; i++) {
        OK(pthread_detach(start_thread(end, NULL)));
        SYS(sem_wait(&ended));
    }
}

/* A thousand stacks of eight megabytes would show. */
static void detach_many(void)
{
    SYS(sem_init(&ended, 0, 0));
    detach(WARM_UP);
    long before = (long)(memory_used().address_space >> 20);
    detach(DETACHED);
    long grown = (long)(memory_used().address_space >> 20) - before;
    printf("%d threads detached, grown by less than a gigabyte: %s\n", DETACHED,
           grown < 1024 ? "yes" : "no");
}

/* pthread_yield is deprecated, not gone. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static void *raise_flag(void *flag)
{
    atomic_store((atomic_int *)flag, 1);
    return NULL;
}

int main(void)
{
    printf("concurrency: %d\n", pthread_getconcurrency());
    show("set to 5", pthread_setconcurrency(5));
    show("set to -1", pthread_setconcurrency(-1));
    printf("concurrency: %d\n", pthread_getconcurrency());
    show("set to 0", pthread_setconcurrency(0));
    printf("concurrency: %d\n", pthread_getconcurrency());

    atomic_int flag = 0;
    pthread_t thread = start_thread(raise_flag, &flag);
    while (!atomic_load(&flag))
        OK(pthread_yield());
    puts("pthread_yield lets others run");
    join_thread(thread);

    join_without_waiting();
    detach_many();
    return 0;
}
