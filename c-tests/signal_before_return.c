/* A signal that a thread sends itself has been handled when the call returns:
 * raise(3), pthread_kill(3), sigqueue(3), and kill(2) of its own process where
 * only it takes the signal. So have all that were pending when a mask lets them
 * in, by pthread_sigmask, sigsuspend, ppoll and sigsetjmp's mask: in many threads
 * at a time, each with its own count.
 */
#include "lib/check.h"
#include "lib/signals.h"

#include <poll.h>
#include <sched.h>
#include <setjmp.h>

enum { THREADS = 8, ROUNDS = 100 };

static __thread volatile sig_atomic_t counts[3];
static const int numbers[] = { SIGUSR1, SIGUSR2, 0 };

static void count(int number)
{
    counts[number == SIGUSR1 ? 0 : number == SIGUSR2 ? 1 : 2]++;
    if (counts[0] % 16 == 0)
        sched_yield();
}

static int sent;

static void expect(int first, int second, int third)
{
    CHECK(counts[0] == first && counts[1] == second && counts[2] == third);
}

static void *send_self(void *unused)
{
    sigset_t both = set_of(SIGUSR1, SIGUSR2), before;
    sigjmp_buf back;
    int n = 0;
    CHECK(sigaddset(&both, SIGRTMIN) == 0);
    for (volatile int i = 0; i < ROUNDS; i++) {
        CHECK(raise(SIGUSR1) == 0);
        expect(++n, 4 * i, 4 * i);
        CHECK(pthread_kill(pthread_self(), SIGUSR1) == 0);
        expect(++n, 4 * i, 4 * i);
        CHECK(tgkill(getpid(), gettid(), SIGUSR1) == 0);
        expect(++n, 4 * i, 4 * i);
        for (volatile int way = 0; way < 4; way++) {
            CHECK(pthread_sigmask(SIG_BLOCK, &both, &before) == 0);
            CHECK(raise(SIGUSR1) == 0 && raise(SIGUSR2) == 0);
            CHECK(pthread_kill(pthread_self(), SIGRTMIN) == 0);
            expect(n, 4 * i + way, 4 * i + way);
            switch (way) {
            case 0: break;
            case 1: CHECK(sigsuspend(&before) == -1 && errno == EINTR); break;
            case 2: CHECK(ppoll(NULL, 0, NULL, &before) == -1 && errno == EINTR); break;
            case 3:
                CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
                n++;
                if (sigsetjmp(back, 1) == 0) {
                    CHECK(pthread_sigmask(SIG_BLOCK, &both, NULL) == 0 && raise(SIGUSR1) == 0);
                    siglongjmp(back, 1);
                }
                break;
            }
            CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
            expect(++n, 4 * i + way + 1, 4 * i + way + 1);
        }
    }
    __atomic_add_fetch(&sent, n, __ATOMIC_SEQ_CST);
    return unused;
}

/* Main blocks the signal, and so do all threads but one. */
static void *kill_self(void *unused)
{
    sigset_t usr1 = set_of(SIGUSR1, 0);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL) == 0);
    counts[0] = 1;
    for (int i = 1; i <= 3 * ROUNDS; i++) {
        switch (i % 3) {
        case 0: CHECK(kill(getpid(), SIGUSR1) == 0); break;
        case 1: CHECK(sigqueue(getpid(), SIGUSR1, (union sigval){ 0 }) == 0); break;
        case 2: CHECK(kill(0, SIGUSR1) == 0); break;
        }
        CHECK(counts[0] == i + 1);
    }
    return unused;
}

int main(void)
{
    struct sigaction action = { .sa_handler = count };
    pthread_t threads[THREADS];
    CHECK(getpgrp() == getpid() || setpgid(0, 0) == 0);      /* for kill(0) */
    for (size_t i = 0; i < COUNT(numbers); i++)
        CHECK(sigaction(numbers[i] ? numbers[i] : SIGRTMIN, &action, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(send_self, NULL);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    printf("%d threads sent themselves %d\n", THREADS, sent);
    change_mask(SIG_BLOCK, SIGUSR1);
    join(start(kill_self, NULL));
    puts("one sent the process as many, and took them");
    kill_self(NULL);
    puts("so did main");
    return 0;
}
