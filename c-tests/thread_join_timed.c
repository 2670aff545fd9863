/*
 * thread_join_timed: joins that do not wait, or not for ever: EBUSY and
 * ETIMEDOUT while the thread runs, its value once it has ended.
 * Follows pthread_tryjoin_np(3).
 */
#include "lib/expect.h"
#include "lib/gate.h"

static struct gate gate;

static void *wait_at_gate(void *value)
{
    gate_wait(&gate);
    return value;
}

int main(void)
{
    gate = gate_make();
    pthread_t first = start_thread(wait_at_gate, (void *)"first");
    pthread_t second = start_thread(wait_at_gate, (void *)"second");
    pthread_t third = start_thread(wait_at_gate, (void *)"third");
    void *value;

    show("tryjoin, running", pthread_tryjoin_np(first, &value));
    struct timespec limit = time_in(CLOCK_REALTIME, 50);
    show("timedjoin, running", pthread_timedjoin_np(first, &value, &limit));
    EXPECT(reached(CLOCK_REALTIME, limit));
    limit = time_in(CLOCK_MONOTONIC, 50);
    show("clockjoin, running", pthread_clockjoin_np(first, &value, CLOCK_MONOTONIC, &limit));
    EXPECT(reached(CLOCK_MONOTONIC, limit));

    gate_open(&gate);
    limit = time_in(CLOCK_REALTIME, 20000);
    show("timedjoin, ending", pthread_timedjoin_np(first, &value, &limit));
    printf("value: %s\n", (char *)value);
    limit = time_in(CLOCK_MONOTONIC, 20000);
    show("clockjoin, ending", pthread_clockjoin_np(second, &value, CLOCK_MONOTONIC, &limit));
    printf("value: %s\n", (char *)value);

    int error;
    while ((error = pthread_tryjoin_np(third, &value)) == EBUSY)
        sched_yield();
    show("tryjoin, ending", error);
    printf("value: %s\n", (char *)value);
    return 0;
}
