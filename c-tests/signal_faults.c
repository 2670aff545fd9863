/* The handler of a fault runs in the thread that makes it, in every thread with
 * its own address and code, and may put the thread behind the instruction by
 * the context: SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGTRAP, while other threads
 * make faults of their own: sigaction(2), siginfo_t; signal(7).
 */
#include "lib/check.h"

#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { THREADS = 4, ROUNDS = 50, PAGE = 4096 };

static __thread struct {
    volatile int number, code;
    void *volatile address;
    volatile greg_t after;      /* where to go on */
    volatile greg_t seen;       /* what it found in r12 */
    volatile int count;
} fault;

static void on_fault(int number, siginfo_t *info, void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    int error = errno;
    fault.number = number;
    fault.code = info->si_code;
    fault.address = info->si_addr;
    fault.seen = registers[REG_R12];
    registers[REG_R12] = fault.seen + 1;
    registers[REG_RIP] = fault.after;
    fault.count++;
    sched_yield();              /* another thread's may come meanwhile */
    errno = error;
}

/* Executes the instruction with a mark in r12; what is there afterwards. */
#define FAULT(mark, instruction, ...)                                           \
    __extension__({                                                             \
        register greg_t r12 __asm__("r12") = (mark);                            \
        __asm__ volatile("lea 1f(%%rip), %%rax\n mov %%rax, %1\n xor %%eax, %%eax\n" \
                         "2: " instruction "\n1:"                               \
                         : "+r"(r12), "=m"(fault.after)                         \
                         : __VA_ARGS__ : "rax", "rdx", "memory");               \
        r12;                                                                    \
    })

static const char *name(int number, int code)
{
    switch (number) {
    case SIGSEGV: return code == SEGV_MAPERR ? "SIGSEGV SEGV_MAPERR" : code == SEGV_ACCERR ? "SIGSEGV SEGV_ACCERR" : "?";
    case SIGBUS: return code == BUS_ADRERR ? "SIGBUS BUS_ADRERR" : "?";
    case SIGFPE: return code == FPE_INTDIV ? "SIGFPE FPE_INTDIV" : "?";
    case SIGILL: return code == ILL_ILLOPN ? "SIGILL ILL_ILLOPN" : "?";
    case SIGTRAP: return code == SI_KERNEL ? "SIGTRAP SI_KERNEL" : code == TRAP_BRKPT ? "SIGTRAP TRAP_BRKPT" : "?";
    }
    return "?";
}

static void check_fault(int tell, int count, int number, greg_t mark, greg_t r12)
{
    CHECK(fault.count == count && fault.number == number);
    CHECK(fault.seen == mark && r12 == mark + 1);
    if (tell)
        printf("%s\n", name(fault.number, fault.code));
}

static char *guarded, *readonly, *beyond;

static void make_all(int tell, greg_t mark)
{
    int count = fault.count;
    greg_t r12 = FAULT(mark, "movb $1, (%2)", "r"(guarded + mark % PAGE));
    check_fault(tell, ++count, SIGSEGV, mark, r12);
    CHECK(fault.code == SEGV_ACCERR && fault.address == guarded + mark % PAGE);
    r12 = FAULT(mark, "movb $1, (%2)", "r"(readonly + mark % PAGE));
    check_fault(tell, ++count, SIGSEGV, mark, r12);
    CHECK(fault.code == SEGV_ACCERR && fault.address == readonly + mark % PAGE);
    r12 = FAULT(mark, "mov (%2), %%al", "r"((char *)mark));
    check_fault(tell, ++count, SIGSEGV, mark, r12);
    CHECK(fault.code == SEGV_MAPERR && fault.address == (char *)mark);
    r12 = FAULT(mark, "movb (%2), %%al", "r"(beyond + mark % PAGE));
    check_fault(tell, ++count, SIGBUS, mark, r12);
    CHECK(fault.code == BUS_ADRERR && fault.address == beyond + mark % PAGE);
    r12 = FAULT(mark, "xor %%edx, %%edx\n div %%edx", "r"(0));
    check_fault(tell, ++count, SIGFPE, mark, r12);
    r12 = FAULT(mark, "ud2", "r"(0));
    check_fault(tell, ++count, SIGILL, mark, r12);
    r12 = FAULT(mark, "int3", "r"(0));
    check_fault(tell, ++count, SIGTRAP, mark, r12);
}

static void *make_many(void *argument)
{
    for (greg_t i = 0; i < ROUNDS; i++)
        make_all(0, 100 * *(int *)argument + i);
    return NULL;
}

int main(void)
{
    static const int numbers[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    pthread_t threads[THREADS];
    int marks[THREADS], file = temporary_file(0);
    for (size_t i = 0; i < COUNT(numbers); i++)
        CHECK(sigaction(numbers[i], &action, NULL) == 0);
    guarded = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    readonly = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(ftruncate(file, PAGE) == 0);
    beyond = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, file, 0);
    CHECK(guarded != MAP_FAILED && readonly != MAP_FAILED && beyond != MAP_FAILED);
    beyond += PAGE;
    for (int i = 0; i < THREADS; i++)
        marks[i] = i + 1, threads[i] = start(make_many, &marks[i]);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    printf("%d threads, %d rounds: each had its own\n", THREADS, ROUNDS);
    make_all(1, 77);
    return 0;
}
