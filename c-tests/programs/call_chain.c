/* THREADS threads stand five calls deep in read() on one pipe, whose other end
 * stays open: the program never ends by itself. For debuggers, which should
 * find each call and the end of the stack: read(2), pthread_create(3).
 */
#include "../lib/check.h"

enum { THREADS = 3 };

/* A call that stays one: neither inlined nor made a jump. */
#define CALL __attribute__((noinline, noclone))

static int ends[2];
static volatile int depth;

CALL static void wait_for_byte(void)
{
    char byte;
    CHECK(read(ends[0], &byte, 1) == 1);
    depth--;
}

CALL static void inner_call(void)
{
    depth++;
    wait_for_byte();
    depth--;
}

CALL static void middle_call(void)
{
    depth++;
    inner_call();
    depth--;
}

CALL static void outer_call(void)
{
    depth++;
    middle_call();
    depth--;
}

static void *thread_entry(void *argument)
{
    outer_call();
    depth--;
    return argument;
}

int main(void)
{
    pthread_t threads[THREADS];

    CHECK(pipe(ends) == 0);
    for (int index = 0; index < THREADS; index++)
        threads[index] = start(thread_entry, NULL);
    for (int index = 0; index < THREADS; index++)
        join(threads[index]);
    return 0;
}
