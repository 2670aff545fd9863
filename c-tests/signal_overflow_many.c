/* Threads use up their stacks, each with an alternate stack of its own, on which
 * a SIGSEGV handler runs and jumps back: sigaltstack(2), sigsetjmp(3).
 */
#include "lib/check.h"

#include <setjmp.h>
#include <stdint.h>

enum { THREADS = 3, TIMES = 3, SIZE = 64 << 10, STACK = 256 << 10 };

static __thread sigjmp_buf back;
static __thread char *own;
static __thread volatile int depth, on_own;
static pthread_barrier_t all;

static void on_overflow(int number, siginfo_t *info, void *context)
{
    char here;
    (void)context;
    CHECK(number == SIGSEGV && info->si_code > 0);
    on_own = (uintptr_t)&here - (uintptr_t)own < SIZE;
    siglongjmp(back, 1);
}

static __attribute__((noinline)) int recurse(volatile char *above)
{
    volatile char frame[1024];
    frame[0] = above[0];
    if (depth++ < 0)
        return 0;
    return recurse(frame) + frame[0];
}

static void *overflow(void *argument)
{
    own = malloc(SIZE);
    CHECK(sigaltstack(&(stack_t){ .ss_sp = own, .ss_size = SIZE }, NULL) == 0);
    for (volatile int i = 0; i < TIMES; i++) {
        volatile char first = 0;
        pthread_barrier_wait(&all);
        depth = 0;
        if (sigsetjmp(back, 1) == 0)
            recurse(&first);
        CHECK(depth > STACK / 2048 && on_own);
        pthread_barrier_wait(&all);
        others_run();
    }
    CHECK(sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, NULL) == 0);
    free(own);
    return argument;
}

int main(void)
{
    struct sigaction action = { .sa_sigaction = on_overflow, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    pthread_attr_t attributes;
    pthread_t threads[THREADS];
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
    CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setstacksize(&attributes, STACK) == 0);
    CHECK(pthread_barrier_init(&all, NULL, THREADS) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], &attributes, overflow, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    printf("each of %d threads came back %d times\n", THREADS, TIMES);
    return 0;
}
