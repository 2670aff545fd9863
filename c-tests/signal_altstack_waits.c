/* While a handler that waits sits on its thread's alternate stack, handlers of
 * other threads run on theirs, or where those threads are, and its frames stay
 * as they are: sigaltstack(2), signal-safety(7).
 */
#include "lib/check.h"

enum { SIZE = 64 << 10, WORDS = 1000, TIMES = 20 };

static int hold[2], inside[2];

/* Deep enough to overwrite what another handler left from the top on. */
static void fill(unsigned char byte, volatile unsigned *word)
{
    volatile unsigned char frame[8000];
    for (size_t i = 0; i < sizeof frame; i++)
        frame[i] = byte;
    for (size_t i = 0; i < sizeof frame; i++)
        *word += frame[i] == byte;
}

static void wait_inside(int number)
{
    volatile unsigned words[WORDS];
    for (unsigned i = 0; i < WORDS; i++)
        words[i] = i * 2654435761u + (unsigned)number;
    give(inside[1], 'i');
    CHECK(take(hold[0]) == 'h');
    unsigned right = 0;
    for (unsigned i = 0; i < WORDS; i++)
        right += words[i] == i * 2654435761u + (unsigned)number;
    CHECK(right == WORDS);
}

static void compute_inside(int number)
{
    volatile unsigned same = 0;
    fill((unsigned char)number, &same);
    CHECK(same == 8000);
}

/* int3 is a fault: the kernel enters the handler at once, in the thread that
 * makes it. The next instruction follows. */
static void trap(void)
{
    __asm__ volatile("int3");
}

static __thread int waits;

static void on_trap(int number)
{
    if (waits)
        wait_inside(number);
    else
        compute_inside(number);
}

static void use_stack(char *stack)
{
    CHECK(sigaltstack(&(stack_t){ .ss_sp = stack, .ss_size = SIZE }, NULL) == 0);
}

static void *trap_and_wait(void *unused)
{
    char *stack = malloc(SIZE);
    use_stack(stack);
    waits = 1;
    trap();
    free(stack);
    return unused;
}

static void *trap_meanwhile(void *with_stack)
{
    char *stack = malloc(SIZE);
    if (with_stack)
        use_stack(stack);
    for (int i = 0; i < TIMES; i++)
        trap();
    return stack;
}

int main(void)
{
    struct sigaction action = { .sa_handler = on_trap, .sa_flags = SA_ONSTACK };
    pthread_t waiting[2];
    CHECK(sigaction(SIGTRAP, &action, NULL) == 0);
    CHECK(pipe(hold) == 0 && pipe(inside) == 0);
    for (int i = 0; i < 2; i++) {
        waiting[i] = start(trap_and_wait, NULL);
        CHECK(take(inside[0]) == 'i');
    }
    free(join(start(trap_meanwhile, NULL)));
    puts("a thread without a stack had its handlers");
    free(join(start(trap_meanwhile, hold)));
    puts("one with a stack had its handlers");
    for (int i = 0; i < 2; i++)
        give(hold[1], 'h');
    for (int i = 0; i < 2; i++)
        join(waiting[i]);
    puts("handlers that waited found their frames as they were");
    return 0;
}
