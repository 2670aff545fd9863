/* Threads use up their stacks, each with an alternate stack of its own, on which
 * a SIGSEGV handler runs and jumps back: sigaltstack(2), sigsetjmp(3).
 */
#include "lib/overflow.h"

enum { THREADS = 3, TIMES = 3 };

static pthread_barrier_t all;

static void *come_back(void *argument)
{
    own_alternate_stack();
    for (int i = 0; i < TIMES; i++) {
        pthread_barrier_wait(&all);
        overflow();
        pthread_barrier_wait(&all);
        others_run();
    }
    free_alternate_stack();
    return argument;
}

int main(void)
{
    pthread_attr_t attributes;
    pthread_t threads[THREADS];
    handle_overflow();
    CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setstacksize(&attributes, STACK) == 0);
    CHECK(pthread_barrier_init(&all, NULL, THREADS) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], &attributes, come_back, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    printf("each of %d threads came back %d times\n", THREADS, TIMES);
    return 0;
}
