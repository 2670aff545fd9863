/* One mistake, named by the argument, in a thread, while two others are blocked.
 * For sanitizers and other tools that should find it: malloc(3), read(2).
 */
#include "../lib/check.h"

#include <sched.h>
#include <string.h>

enum { OTHERS = 2, LOST = 77 };

static int gate[2];
static int ready[2];
static volatile int zero;
static volatile int largest = INT_MAX;
static char *volatile escaped;
static char *volatile lost;
static __thread char *volatile own;

#define CALL __attribute__((noinline, noclone))

CALL static void overrun_heap(void)
{
    volatile char *block = malloc(10);
    sched_yield();
    block[10 + zero] = 1;
    free((void *)block);
}

CALL static void use_freed(void)
{
    char *volatile block = malloc(10);
    free(block);
    sched_yield();
    escaped = block + 1 + zero;
    *(volatile char *)escaped = 1;
}

CALL static void overrun_stack(void)
{
    char local[10];
    volatile char *at = local;
    sched_yield();
    at[10 + zero] = 1;
}

CALL static void let_escape(void)
{
    char local[40];
    memset(local, 1, sizeof local);
    escaped = local;
    sched_yield();
}

CALL static void use_returned(void)
{
    let_escape();
    sched_yield();
    *(volatile char *)(escaped + 1) = 3;
}

CALL static void lose(void)
{
    lost = malloc(LOST);
    lost = NULL;
}

CALL static int overflow_stack(int depth)
{
    volatile char local[1000];
    local[depth % 1000] = 1;
    return overflow_stack(depth + 1) + local[0];
}

CALL static void overflow_int(void)
{
    sched_yield();
    largest = largest + 1;
}

CALL static void shift_too_far(void)
{
    sched_yield();
    zero = 1 << (32 + zero);
}

static const char *mistake;

static void *make_mistake(void *unused)
{
    if (strcmp(mistake, "heap-overrun") == 0)
        overrun_heap();
    else if (strcmp(mistake, "freed") == 0)
        use_freed();
    else if (strcmp(mistake, "stack-overrun") == 0)
        overrun_stack();
    else if (strcmp(mistake, "returned") == 0)
        use_returned();
    else if (strcmp(mistake, "leak") == 0)
        lose();
    else if (strcmp(mistake, "stack-overflow") == 0)
        overflow_stack(0);
    else if (strcmp(mistake, "int-overflow") == 0)
        overflow_int();
    else if (strcmp(mistake, "shift") == 0)
        shift_too_far();
    return unused;
}

/* What it holds is reachable from its stack and its own variable alone. */
static void *be_blocked(void *unused)
{
    char *volatile held = malloc(50);
    char byte;
    own = malloc(33);
    give(ready[1], 'r');
    CHECK(read(gate[0], &byte, 1) == 0);
    free(held);
    free(own);
    return unused;
}

/* exit-blocked: the process ends while the two are blocked. */
int main(int count, char **arguments)
{
    CHECK(count == 2);
    mistake = arguments[1];
    CHECK(pipe(gate) == 0);
    CHECK(pipe(ready) == 0);
    pthread_t others[OTHERS];
    for (int i = 0; i < OTHERS; i++)
        others[i] = start(be_blocked, NULL);
    for (int i = 0; i < OTHERS; i++)
        take(ready[0]);
    join(start(make_mistake, NULL));
    puts("end");
    if (strcmp(mistake, "exit-blocked") == 0)
        exit(0);
    CHECK(close(gate[1]) == 0);
    for (int i = 0; i < OTHERS; i++)
        join(others[i]);
    return 0;
}
