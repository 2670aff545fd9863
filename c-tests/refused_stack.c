/* The kernel has no memory for a thread's stack (ENOMEM for big mappings), or no room
 * for one mapping more (mprotect, madvise): pthread_create(3) says EAGAIN, and goes on
 * doing so; threads with a small stack, or one of the program's own, run meanwhile.
 * pthread_create(3), mmap(2), mprotect(2).
 *
 * test: libgreen-line
 */
#include "lib/refuse.h"
#include <sys/mman.h>

static char own_stack[256 << 10] __attribute__((aligned(4096)));

static void *run(void *argument)
{
    return argument;
}

static void attempt(const char *what, size_t size, void *stack)
{
    pthread_attr_t attributes;
    pthread_t thread;
    CHECK(pthread_attr_init(&attributes) == 0);
    if (stack)
        CHECK(pthread_attr_setstack(&attributes, stack, size) == 0);
    else
        CHECK(pthread_attr_setstacksize(&attributes, size) == 0);
    for (int i = 0; i < 3; i++) {
        int error = pthread_create(&thread, &attributes, run, own_stack);
        printf("  %s: %s\n", what, errno_name(error));
        if (error == 0)
            CHECK(join(thread) == own_stack);
    }
    CHECK(pthread_attr_destroy(&attributes) == 0);
}

static void all_sizes(void)
{
    attempt("a stack of 64 MiB", 64 << 20, NULL);
    attempt("a stack of 64 KiB", 64 << 10, NULL);
    attempt("the program's own", sizeof own_stack, own_stack);
    attempt("a stack of 48 MiB", 48 << 20, NULL);
    others_run();
}

static void no_memory(void) { refuse_from(SYS_mmap, 2, 32 << 20, ENOMEM), all_sizes(); }
static void no_memory_later(void) { others_run(), no_memory(); }

static void no_guard(void)
{
    others_run();
    refuse_all((struct refusal[]){ { SYS_madvise, EINVAL, HAS_VALUE, 3, 102 },
                                   { .call = SYS_mprotect, .error = ENOMEM } }, 2);
    attempt("a stack of 24 MiB", 24 << 20, NULL);
    attempt("the program's own", sizeof own_stack, own_stack);
    others_run();
}

static void locked(void)
{
    limit(RLIMIT_MEMLOCK, 0);
    all_sizes();
}

int main(void)
{
    alone("no big mapping", no_memory);
    alone("no big mapping after the first thread", no_memory_later);
    alone("no guard", no_guard);
    alone("nothing may be locked", locked);
    return 0;
}
