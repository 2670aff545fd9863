/*
 * cancel_cxx_swallowed: a catch (...) that does not pass a cancellation on ends
 * the process, by SIGABRT, after the destructors up to there have run.
 * Follows pthread_cancel(3); <cxxabi.h>, abi::__forced_unwind.
 * test: signal=SIGABRT
 */
#include "lib/expect.h"

#include <semaphore.h>

static sem_t about_to_wait, never;

struct Noisy {
    ~Noisy() { puts("destroyed"); }
};

static void *swallow(void *unused)
{
    try {
        Noisy noisy;
        SYS(sem_post(&about_to_wait));
        sem_wait(&never);
        puts("the call returned: wrong");
    } catch (...) {
        puts("caught");
        fflush(stdout);
    }
    puts("went on: wrong");
    fflush(stdout);
    return unused;
}

int main()
{
    SYS(sem_init(&about_to_wait, 0, 0));
    SYS(sem_init(&never, 0, 0));
    pthread_t thread = start_thread(swallow, NULL);
    SYS(sem_wait(&about_to_wait));
    OK(pthread_cancel(thread));
    join_thread(thread);
    puts("joined: wrong");
    return 0;
}
