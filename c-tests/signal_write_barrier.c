/* A SIGSEGV handler as garbage collectors use it: threads write to protected
 * pages, the handler notes the page, gives it back its write permission and
 * returns, and the instruction is made again. A collector thread protects all
 * pages anew time and again, and finds every page that was written to since:
 * sigaction(2), mprotect(2). Calls of libc write there too: memset(3).
 */
#include "lib/check.h"

#include <sched.h>
#include <stdint.h>
#include <sys/mman.h>

enum { THREADS = 6, PAGES = 64, PAGE = 4096, ROUNDS = 40, WRITES = 30 };

static unsigned char *heap;
static int dirty[PAGES];
static long faults;
static pthread_barrier_t turn;
static unsigned written[PAGES];          /* in this round, by anybody */
static pthread_mutex_t write_lock = PTHREAD_MUTEX_INITIALIZER;

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    size_t offset = (uintptr_t)info->si_addr - (uintptr_t)heap;
    CHECK(number == SIGSEGV && info->si_code == SEGV_ACCERR && offset < PAGES * PAGE);
    __atomic_store_n(&dirty[offset / PAGE], 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&faults, 1, __ATOMIC_SEQ_CST);
    CHECK(mprotect(heap + offset / PAGE * PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
}

static void *mutate(void *argument)
{
    unsigned random = 12345u * (unsigned)(*(int *)argument + 1);
    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_wait(&turn);
        for (int i = 0; i < WRITES; i++) {
            random = random * 1103515245u + 12345u;
            size_t page = random >> 16 & (PAGES - 1);
            unsigned char *place = heap + page * PAGE + 64 * *(int *)argument;
            if (i % 3 == 0)
                *(volatile unsigned char *)place = (unsigned char)random;
            else if (i % 3 == 1)
                memset(place, (int)random & 255, 64);
            else
                __atomic_add_fetch((unsigned *)place, 1, __ATOMIC_SEQ_CST);
            CHECK(pthread_mutex_lock(&write_lock) == 0);
            written[page]++;
            CHECK(pthread_mutex_unlock(&write_lock) == 0);
            if (i % 8 == 0)
                sched_yield();
        }
        pthread_barrier_wait(&turn);
    }
    return NULL;
}

int main(void)
{
    struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
    pthread_t threads[THREADS];
    int numbers[THREADS];
    long expected = 0;
    CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
    heap = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(heap != MAP_FAILED && pthread_barrier_init(&turn, NULL, THREADS + 1) == 0);
    for (int i = 0; i < THREADS; i++)
        numbers[i] = i, threads[i] = start(mutate, &numbers[i]);
    for (int round = 0; round < ROUNDS; round++) {
        CHECK(mprotect(heap, PAGES * PAGE, PROT_READ) == 0);
        memset(dirty, 0, sizeof dirty), memset(written, 0, sizeof written);
        pthread_barrier_wait(&turn);
        pthread_barrier_wait(&turn);
        for (int page = 0; page < PAGES; page++) {
            CHECK(dirty[page] == (written[page] != 0));
            expected += dirty[page];
        }
    }
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    CHECK(faults >= expected);
    printf("%d threads, %d rounds: every page written to was noted: %ld\n", THREADS, ROUNDS, expected);
    return 0;
}
