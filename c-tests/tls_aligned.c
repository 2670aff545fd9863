/*
 * tls_aligned: big thread-local variables of the program, one of them aligned
 * to a page: aligned and with their initial values in many threads at a time,
 * in those that get the memory of others, with all sizes of stacks, down to the
 * smallest that leaves room for them, and on a stack of the program's own.
 * Follows pthread_create(3), pthread_attr_setstacksize(3),
 * pthread_attr_setstack(3) and the ELF thread-local storage ABI.
 */
#include "lib/expect.h"
#include "lib/gate.h"

#include <limits.h>
#include <sys/mman.h>

enum { PAGE = 4096, NUMBERS = 16384, THREADS = 16, SUCCESSORS = 100, OWN_STACK = 512 << 10 };

static _Alignas(PAGE) __thread char page[PAGE] = "page";
static __thread int numbers[NUMBERS] = { [0] = 1, [NUMBERS / 2] = 2, [NUMBERS - 1] = 3 };
static __thread char zeroes[NUMBERS];
static _Alignas(256) __thread struct {
    char name[100];
    void *self;
} middle = { .name = "middle" };

static struct gate gate;

/* The compiler must not conclude anything from the initial values. */
static void forget(void)
{
    __asm__ volatile("" ::: "memory");
}

static int aligned(void)
{
    return ((uintptr_t)page % PAGE | (uintptr_t)&middle % 256) == 0;
}

static int fresh(void)
{
    forget();
    int right = strcmp(page, "page") == 0 && strcmp(middle.name, "middle") == 0 && !middle.self;
    for (int i = 4; i < PAGE; i++)
        right &= page[i] == 0;
    for (int i = 0; i < NUMBERS; i++)
        right &= numbers[i] == (i == 0) + 2 * (i == NUMBERS / 2) + 3 * (i == NUMBERS - 1)
            && zeroes[i] == 0;
    return right;
}

static void scribble(int number)
{
    memset(page, number, sizeof page);
    for (int i = 0; i < NUMBERS; i++)
        numbers[i] = number + i;
    memset(zeroes, number, sizeof zeroes);
    middle.self = page;
    forget();
}

static int unchanged(int number)
{
    forget();
    int same = middle.self == page && strcmp(middle.name, "middle") == 0;
    for (int i = 0; i < PAGE; i++)
        same &= page[i] == (char)number;
    for (int i = 0; i < NUMBERS; i++)
        same &= numbers[i] == number + i && zeroes[i] == (char)number;
    return same;
}

static void *use(void *argument)
{
    int number = (int)(intptr_t)argument;
    int right = aligned() && fresh();
    scribble(number);
    gate_wait(&gate);
    return (void *)(intptr_t)(right && unchanged(number));
}

static void together(void)
{
    pthread_t threads[THREADS];
    int right = 0;
    gate = gate_make();
    for (intptr_t i = 0; i < THREADS; i++)
        threads[i] = start_thread(use, (void *)(i + 1));
    gate_open(&gate);
    for (int i = 0; i < THREADS; i++)
        right += join_thread(threads[i]) != NULL;
    printf("%d of %d threads right\n", right, THREADS);
    EXPECT(right == THREADS);
}

/* The gate is open for ever. */
static void one_after_another(void)
{
    int right = 0;
    for (intptr_t i = 0; i < SUCCESSORS; i++)
        right += join_thread(start_thread(use, (void *)i)) != NULL;
    printf("%d of %d successors right\n", right, SUCCESSORS);
    EXPECT(right == SUCCESSORS);
}

/* glibc takes the variables off the stack and refuses (EINVAL) what leaves too little for
 * frames.  POSIX would let it succeed: then the thread must work.  Calls need more stack than
 * the smallest has, so this thread makes none. */
static void *use_without_calls(void *unused)
{
    int right = aligned() && numbers[NUMBERS - 1] == 3 && page[0] == 'p' && !zeroes[NUMBERS - 1];
    for (int i = 0; i < NUMBERS; i++)
        zeroes[i] = page[i % PAGE] = 1;
    forget();
    (void)unused;
    return (void *)(intptr_t)(right && numbers[NUMBERS / 2] == 2);
}

static void small_stacks(void)
{
    pthread_attr_t attr;
    OK(pthread_attr_init(&attr));
    int accepted = 0, right = 0;
    for (size_t size = PTHREAD_STACK_MIN; size <= 1 << 20; size += PAGE) {
        pthread_t thread;
        OK(pthread_attr_setstacksize(&attr, size));
        int error = pthread_create(&thread, &attr, use_without_calls, NULL);
        EXPECT(error == 0 || (error == EINVAL && !accepted));
        if (!error) {
            accepted++;
            right += join_thread(thread) != NULL;
        }
    }
    printf("a mebibyte is enough: %s; all that were accepted work: %s\n", accepted ? "yes" : "no",
           right == accepted ? "yes" : "no");
    EXPECT(accepted && right == accepted);
    OK(pthread_attr_destroy(&attr));
}

static void own_stack(void)
{
    pthread_attr_t attr;
    pthread_t thread;
    int right = 1;
    char *stack = mmap(NULL, OWN_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(stack != MAP_FAILED);
    OK(pthread_attr_init(&attr));
    for (int i = 0; i < 3; i++) {
        /* What lies there means nothing. */
        memset(stack, 0xa5, OWN_STACK);
        OK(pthread_attr_setstack(&attr, stack, OWN_STACK));
        OK(pthread_create(&thread, &attr, use, (void *)77));
        right &= join_thread(thread) != NULL;
    }
    printf("on the program's own stack: %s\n", right ? "right" : "wrong");
    EXPECT(right);
    OK(pthread_attr_destroy(&attr));
    SYS(munmap(stack, OWN_STACK));
}

int main(void)
{
    EXPECT(aligned() && fresh());
    scribble(100);
    together();
    one_after_another();
    together();
    small_stacks();
    own_stack();
    printf("main's own: %s\n", unchanged(100) ? "unchanged" : "changed");
    EXPECT(unchanged(100));
    return 0;
}
