/* Each thread has an alternate signal stack of its own: a new thread has none,
 * what one sets no other sees, and a handler with SA_ONSTACK runs on the stack
 * of the thread that takes the signal, be it running, waiting in read or inside
 * such a handler itself; a thread without one runs it where it is. The errors
 * are those of the manual: sigaltstack(2), sigaction(2), pthread_create(3).
 */
#include "lib/check.h"

#include <stdint.h>

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif

enum { THREADS = 3, SIZE = 64 << 10 };

static pthread_barrier_t all;
static int empty[2], begun[2];
static __thread char *own;              /* this thread's alternate stack, or none */
static __thread volatile int was_on_own, was_on_stack, count;

static int is_within(const void *address, const char *from)
{
    return from && (uintptr_t)address - (uintptr_t)from < SIZE;
}

static void look(int number)
{
    stack_t now;
    char here;
    CHECK(number == SIGUSR1 && sigaltstack(NULL, &now) == 0);
    was_on_own = is_within(&here, own);
    was_on_stack = now.ss_flags;
    count++;
}

static const char *flags_name(int flags)
{
    return flags == SS_DISABLE ? "SS_DISABLE" : flags == SS_ONSTACK ? "SS_ONSTACK" : flags == 0 ? "0" : "other";
}

static void tell(const char *when)
{
    printf("  %s: handled %d, on its own %d, inside %s\n", when, count, was_on_own, flags_name(was_on_stack));
    count = 0;
}

static void use(char *stack)
{
    stack_t wanted = { .ss_sp = stack, .ss_size = SIZE }, now;
    own = stack;
    CHECK(sigaltstack(&wanted, NULL) == 0);
    CHECK(sigaltstack(NULL, &now) == 0);
    CHECK(now.ss_sp == stack && now.ss_size == SIZE && now.ss_flags == 0);
}

/* Everybody sets its own, then all look whether it is still there. */
static void *keep_own(void *argument)
{
    stack_t now;
    char *stack = malloc(SIZE);
    CHECK(sigaltstack(NULL, &now) == 0);
    int at_first = now.ss_flags;
    use(stack);
    pthread_barrier_wait(&all);
    CHECK(sigaltstack(NULL, &now) == 0);
    int kept = now.ss_sp == stack;
    CHECK(raise(SIGUSR1) == 0);
    for (int turn = 0; turn < THREADS; turn++) {
        pthread_barrier_wait(&all);
        if (turn == *(int *)argument) {
            printf("thread %d: at first %s, kept its own %d\n", turn, flags_name(at_first), kept);
            tell("raised");
        }
    }
    CHECK(sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, NULL) == 0);
    own = NULL;
    CHECK(raise(SIGUSR1) == 0);
    for (int turn = 0; turn < THREADS; turn++) {
        pthread_barrier_wait(&all);
        if (turn == *(int *)argument)
            tell("raised, disabled");
    }
    free(stack);
    return NULL;
}

static void *be_signalled_in_read(void *stack)
{
    char byte;
    if (stack)
        use(stack);
    give(begun[1], 'b');
    CHECK(read(empty[0], &byte, 1) == 1);
    tell(stack ? "in read, with a stack" : "in read, without one");
    return NULL;
}

static void in_read(char *stack)
{
    pthread_t thread = start(be_signalled_in_read, stack);
    CHECK(take(begun[0]) == 'b');
    others_run();
    CHECK(pthread_kill(thread, SIGUSR1) == 0);
    others_run();
    give(empty[1], 'x');
    join(thread);
}

static void errors(void)
{
    static char small[1024], stack[SIZE];
    stack_t too_small = { .ss_sp = small, .ss_size = sizeof small };
    stack_t wrong_flags = { .ss_sp = stack, .ss_size = SIZE, .ss_flags = 0x100 };
    FAILS(ENOMEM, sigaltstack(&too_small, NULL));
    FAILS(EINVAL, sigaltstack(&wrong_flags, NULL));
}

static void try_to_change(int number)
{
    (void)number;
    stack_t other = { .ss_sp = own, .ss_size = SIZE };
    FAILS(EPERM, sigaltstack(&other, NULL));
    FAILS(EPERM, sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, NULL));
}

static void *make_errors(void *unused)
{
    struct sigaction action = { .sa_handler = try_to_change, .sa_flags = SA_ONSTACK };
    char *stack = malloc(SIZE);
    errors();
    use(stack);
    CHECK(sigaction(SIGUSR2, &action, NULL) == 0 && raise(SIGUSR2) == 0);
    /* A handler that disarms it may set another one; the first comes back. */
    stack_t armed = { .ss_sp = stack, .ss_size = SIZE, .ss_flags = (int)SS_AUTODISARM }, now;
    CHECK(sigaltstack(&armed, NULL) == 0 && raise(SIGUSR1) == 0);
    tell("disarmed in the handler");
    CHECK(sigaltstack(NULL, &now) == 0);
    printf("  afterwards: the same %d, SS_AUTODISARM %d\n", now.ss_sp == stack,
           now.ss_flags == (int)SS_AUTODISARM);
    CHECK(sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, NULL) == 0);
    free(stack);
    return unused;
}

int main(void)
{
    struct sigaction action = { .sa_handler = look, .sa_flags = SA_ONSTACK | SA_RESTART };
    pthread_t threads[THREADS];
    int numbers[THREADS];
    stack_t now;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(pipe(empty) == 0 && pipe(begun) == 0 && pthread_barrier_init(&all, NULL, THREADS) == 0);
    char *stack = malloc(SIZE), *second = malloc(SIZE);
    use(stack);
    for (int i = 0; i < THREADS; i++)
        numbers[i] = i, threads[i] = start(keep_own, &numbers[i]);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    CHECK(sigaltstack(NULL, &now) == 0);
    printf("main: kept its own %d\n", now.ss_sp == stack);
    use(stack);
    CHECK(raise(SIGUSR1) == 0);
    tell("raised");
    puts("others");
    in_read(second);
    in_read(NULL);
    join(start(make_errors, NULL));
    return 0;
}
