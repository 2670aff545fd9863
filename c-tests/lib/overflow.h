/* A thread uses up its stack, and comes back: a handler of SIGSEGV on the thread's own
 * alternate stack jumps out. sigaltstack(2), sigsetjmp(3).
 *
 *   handle_overflow();          in the process, once
 *   own_alternate_stack();      in the thread
 *   overflow();                 as often as wanted
 *   free_alternate_stack();
 */
#ifndef OVERFLOW_H
#define OVERFLOW_H

#include "check.h"

#include <setjmp.h>
#include <stdint.h>

enum { ALTERNATE = 64 << 10, STACK = 256 << 10 };

static __thread sigjmp_buf back;
static __thread char *alternate;
static __thread volatile int depth, on_alternate;

static inline void on_overflow(int number, siginfo_t *info, void *context)
{
    char here;
    (void)context;
    CHECK(number == SIGSEGV && info->si_code > 0);
    on_alternate = (uintptr_t)&here - (uintptr_t)alternate < ALTERNATE;
    siglongjmp(back, 1);
}

static inline void handle_overflow(void)
{
    struct sigaction action = { .sa_sigaction = on_overflow, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
}

static inline void own_alternate_stack(void)
{
    alternate = malloc(ALTERNATE);
    CHECK(sigaltstack(&(stack_t){ .ss_sp = alternate, .ss_size = ALTERNATE }, NULL) == 0);
}

static inline void free_alternate_stack(void)
{
    CHECK(sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, NULL) == 0);
    free(alternate);
}

__attribute__((noinline, unused))
static int recurse(volatile char *above)
{
    volatile char frame[1024];
    frame[0] = above[0];
    if (depth++ < 0)
        return 0;
    return recurse(frame) + frame[0];
}

/* All of a stack of STACK bytes has been used, and the handler had the other one. */
static inline void overflow(void)
{
    volatile char first = 0;
    depth = 0;
    if (sigsetjmp(back, 1) == 0)
        recurse(&first);
    CHECK(depth > STACK / 2048 && on_alternate);
}

#endif
