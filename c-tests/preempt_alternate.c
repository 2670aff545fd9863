/* The processor is taken from a thread in the midst of a signal handler that computes on the thread's own alternate
 * stack, and given to others that are in such handlers, too: each waits there until the next one has gone on some
 * times, and finds its variables, which are on its own alternate stack, as they were. Follows sigaltstack(2),
 * sigaction(2), signal(7), sched(7).
 *
 * test: timeout=20
 * test: env=GREEN_SLICE_MS=10
 */
#include "lib/check.h"

#include <signal.h>
#include <stdint.h>

enum { THREADS = 3, TURNS = 5, WORDS = 64, SIZE = 1 << 16 };

static volatile long turns[THREADS];
static __thread long own;
static __thread char *stack_of_own;

static int is_on(const void *address, const char *stack)
{
    return (uintptr_t)address - (uintptr_t)stack < SIZE;
}

static void on_signal(int number)
{
    volatile long words[WORDS];
    long next = (own + 1) % THREADS;
    CHECK(number == SIGUSR1 && is_on((const void *)words, stack_of_own));
    for (long i = 0; i < WORDS; i++)
        words[i] = own * WORDS + i;
    for (int turn = 0; turn < TURNS; turn++) {
        long before = turns[next];
        turns[own]++;
        /* The next one may have ended its turns already. */
        while (turns[next] == before && before < TURNS)
            ;
    }
    for (long i = 0; i < WORDS; i++)
        CHECK(words[i] == own * WORDS + i);
}

static void *compute_on_alternate(void *number)
{
    own = (long)number;
    stack_of_own = malloc(SIZE);
    stack_t stack = { .ss_sp = stack_of_own, .ss_size = SIZE }, found;
    CHECK(stack_of_own && sigaltstack(&stack, NULL) == 0);
    CHECK(raise(SIGUSR1) == 0);
    CHECK(sigaltstack(NULL, &found) == 0 && found.ss_sp == stack.ss_sp && found.ss_flags == 0);
    CHECK(turns[own] == TURNS);
    stack.ss_flags = SS_DISABLE;
    CHECK(sigaltstack(&stack, NULL) == 0);
    free(stack_of_own);
    return NULL;
}

int main(void)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
    pthread_t threads[THREADS];
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    for (long i = 0; i < THREADS; i++)
        threads[i] = start(compute_on_alternate, (void *)i);
    for (long i = 0; i < THREADS; i++)
        join(threads[i]);
    puts("all were on their own alternate stacks, and took turns");
    return 0;
}
