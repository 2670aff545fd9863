/* A handler leaves by pthread_exit while its thread does nothing but yield:
 * the thread ends there, its cleanup handlers run, and join has the value:
 * pthread_exit(3), pthread_kill(3), sched_yield(2).
 */
#include "lib/check.h"

enum { ROUNDS = 200 };

static volatile int ready, cleaned;

static void leave(int number)
{
    pthread_exit((void *)(long)number);
}

static void clean(void *unused)
{
    (void)unused;
    cleaned++;
}

static void *yield_for_ever(void *unused)
{
    pthread_cleanup_push(clean, NULL);
    ready = 1;
    for (;;)
        sched_yield();
    pthread_cleanup_pop(0);
    return unused;
}

int main(void)
{
    CHECK(signal(SIGUSR1, leave) != SIG_ERR);
    for (int round = 0; round < ROUNDS; round++) {
        ready = 0;
        pthread_t thread = start(yield_for_ever, NULL);
        while (!ready)
            sched_yield();
        CHECK(pthread_kill(thread, SIGUSR1) == 0);
        CHECK(join(thread) == (void *)(long)SIGUSR1);
        CHECK(cleaned == round + 1);
    }
    others_run();
    printf("%d threads left out of sched_yield\n", ROUNDS);
    return 0;
}
