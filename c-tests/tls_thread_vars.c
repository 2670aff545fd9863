/*
 * tls_thread_vars: every thread has its own __thread variables, initialised
 * as written, zero where nothing is written, aligned as asked, in the program
 * and in a library it is linked with; blocking does not disturb them.
 * Follows the ELF thread-local storage ABI; pthread_create(3).
 *
 * test: lib=tls_counter.c
 */
#include "lib/expect.h"
#include "lib/gate.h"
#include "lib/tls_counter.h"

enum { THREADS = 16, ALIGNMENT = 256, BIG = 20000 };

static __thread int initialised = 42;
static __thread const char *text = "initial";
static __thread int zero;
static __thread char big_zero[BIG];
static __thread struct {
    char bytes[3 * ALIGNMENT];
} __attribute__((aligned(ALIGNMENT))) aligned_block = { "aligned" };

static struct gate gate;

static int fresh(void)
{
    int clean = 1;
    for (int i = 0; i < BIG; i++)
        clean &= big_zero[i] == 0;
    for (int i = 0; i < 300; i++)
        clean &= tls_library_buffer()[i] == 0;
    return clean && initialised == 42 && strcmp(text, "initial") == 0 && zero == 0
        && strcmp(aligned_block.bytes, "aligned") == 0
        && (uintptr_t)&aligned_block % ALIGNMENT == 0 && tls_library_counter == 1000;
}

static void scribble(int number)
{
    initialised = number;
    text = "changed";
    zero = number + 1;
    memset(big_zero, number, BIG);
    memset(&aligned_block, number, sizeof aligned_block);
    memset(tls_library_buffer(), number, 300);
    for (int i = 0; i <= number; i++)
        tls_library_count();
}

static int unchanged(int number)
{
    int same = 1;
    for (int i = 0; i < BIG; i++)
        same &= big_zero[i] == (char)number;
    for (size_t i = 0; i < sizeof aligned_block; i++)
        same &= aligned_block.bytes[i] == (char)number;
    for (int i = 0; i < 300; i++)
        same &= tls_library_buffer()[i] == (char)number;
    return same && initialised == number && strcmp(text, "changed") == 0 && zero == number + 1
        && tls_library_counter == 1001 + number;
}

static void *use(void *argument)
{
    int number = (int)(intptr_t)argument;
    int was_fresh = fresh();
    scribble(number);
    gate_wait(&gate);
    return (void *)(intptr_t)(was_fresh && unchanged(number));
}

int main(void)
{
    gate = gate_make();
    EXPECT(fresh());
    scribble(100);
    pthread_t threads[THREADS];
    for (intptr_t i = 0; i < THREADS; i++)
        threads[i] = start_thread(use, (void *)(i + 1));
    gate_open(&gate);
    int right = 0;
    for (int i = 0; i < THREADS; i++)
        right += join_thread(threads[i]) != NULL;
    printf("%d of %d threads had their own variables\n", right, THREADS);
    printf("main's own: %s\n", unchanged(100) ? "unchanged" : "changed");
    EXPECT(right == THREADS && unchanged(100));
    return 0;
}
