/* Kernel threads made by clone(2) that share everything with their creator, its
 * FS register included. They may not call libc: raw() is their system call, and
 * RAW_CHECK their verdict.
 */
#ifndef RAW_THREAD_H
#define RAW_THREAD_H

#include "check.h"
#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { RAW_STACK = 64 << 10 };

struct raw_thread {
    unsigned alive;     /* the kernel clears it, and wakes who waits for that */
    char *stack;
};

#define RAW_CHECK(condition)            \
    do {                                \
        if (!(condition))               \
            __builtin_trap();           \
    } while (0)

/* The result, or a negative error number. */
static inline long raw(long number, long a, long b, long c, long d)
{
    long result;
    register long fourth __asm__("r10") = d;
    __asm__ volatile("syscall" : "=a"(result)
                     : "0"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                     : "rcx", "r11", "memory");
    return result;
}

/* glibc's clone enters `body` and afterwards ends the thread, without a look at TLS. */
static inline void raw_start(struct raw_thread *thread, int (*body)(void *), void *argument)
{
    thread->alive = 1;
    thread->stack = mmap(NULL, RAW_STACK, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    CHECK(thread->stack != MAP_FAILED);
    CHECK(clone(body, thread->stack + RAW_STACK,
                CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD
                | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID,
                argument, NULL, NULL, &thread->alive) > 0);
}

static inline void raw_join(struct raw_thread *thread)
{
    while (__atomic_load_n(&thread->alive, __ATOMIC_SEQ_CST) != 0)
        CHECK(syscall(SYS_futex, &thread->alive, FUTEX_WAIT, 1, NULL, NULL, 0) == 0
              || errno == EAGAIN);
    CHECK(munmap(thread->stack, RAW_STACK) == 0);
}

#endif
