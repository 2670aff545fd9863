/* An anchor, for c-tests/bench/switch: the switch alone. THREADS stacks, one after
 * the other, COUNT switches in all, by twelve instructions that keep the registers
 * which a function must keep (System V ABI, x86-64). No queue, no signal mask, no
 * floating-point control words, no thread-local storage: the floor below any scheduler.
 * Follows mmap(2).
 *
 *     raw_switch COUNT [THREADS]
 */
#include "bench.h"

#include <sys/mman.h>

enum { STACK = 64 << 10, KEPT_REGISTERS = 6, COLOURS = 8, COLOUR = 64 };

/* Keeps the registers and the stack pointer of the running one in *from, and goes on
 * where `to` left. */
void raw_switch(void **from, void *to);
__asm__(".text\n"
        ".globl raw_switch\n"
        ".type raw_switch, @function\n"
        "raw_switch:\n"
        "    push %rbp\n    push %rbx\n    push %r12\n    push %r13\n    push %r14\n    push %r15\n"
        "    mov %rsp, (%rdi)\n"
        "    mov %rsi, %rsp\n"
        "    pop %r15\n    pop %r14\n    pop %r13\n    pop %r12\n    pop %rbx\n    pop %rbp\n"
        "    ret\n"
        ".size raw_switch, . - raw_switch\n");

static void **stack_pointers, *main_stack_pointer;
static long threads, turns, started;
static double begin;

static void run(void)
{
    long number = started++;
    long next = (number + 1) % threads;

    for (long turn = 0; turn <= turns; turn++) {
        if (number == 0 && turn == 1)           /* all stacks have been touched */
            begin = now();
        raw_switch(&stack_pointers[number], stack_pointers[next]);
    }
    /* The first one ends first; the others still have one switch to come. */
    raw_switch(&stack_pointers[number], main_stack_pointer);
    __builtin_unreachable();
}

int main(int count, char **arguments)
{
    long switches = number_argument(count, arguments, 1, 1000000);
    char name[64];

    threads = number_argument(count, arguments, 2, 8);
    turns = switches / threads;
    CHECK(turns > 0 && threads > 1);
    stack_pointers = calloc((size_t)threads, sizeof *stack_pointers);
    CHECK(stack_pointers);
    char *stacks = mmap(NULL, (size_t)threads * STACK, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (stacks == MAP_FAILED)
        cannot("mmap of %ld stacks: %s", threads, strerror(errno));
    for (long index = 0; index < threads; index++) {
        char *top = stacks + (size_t)(index + 1) * STACK;
        void **frame = (void **)(top - (index % COLOURS) * COLOUR) - 2;
        *frame = (void *)run;                   /* entered with rsp = 8 mod 16, as by a call */
        stack_pointers[index] = frame - KEPT_REGISTERS;
    }
    raw_switch(&main_stack_pointer, stack_pointers[0]);
    snprintf(name, sizeof name, "switch_%ld", threads);
    report_each(name, begin, turns * threads);
    CHECK(started == threads);
    return 0;
}
