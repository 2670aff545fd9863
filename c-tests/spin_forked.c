/* A process-shared spin lock excludes the threads of this process and of a
 * forked child, though its holders yield and wait for pipes while the others
 * spin; trylock is EBUSY on the other side: pthread_spin_init(3),
 * pthread_spin_lock(3).
 */
#include "lib/check.h"
#include "lib/crowd.h"
#include <sys/mman.h>
#include <sys/prctl.h>

enum { THREADS = 3, ROUNDS = 200 };

static struct shared {
    pthread_spinlock_t lock;
    int counter;
} *shared;
static int there[2], back[2];

static void *count_up(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(pthread_spin_lock(&shared->lock) == 0);
        int seen = shared->counter;
        if (i % 10 == 0)
            sched_yield();
        shared->counter = seen + 1;
        CHECK(pthread_spin_unlock(&shared->lock) == 0);
    }
    return unused;
}

/* Holds the lock, which nobody counts under any more, while it waits for the parent. */
static int be_child(void)
{
    CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
    run_together(THREADS, count_up, NULL);
    CHECK(take(there[0]) == 'c');
    CHECK(pthread_spin_lock(&shared->lock) == 0);
    give(back[1], 'h');
    CHECK(take(there[0]) == 't');
    CHECK(pthread_spin_unlock(&shared->lock) == 0);
    return 9;
}

static void *tell_child(void *unused)
{
    others_run();
    give(there[1], 't');
    return unused;
}

int main(void)
{
    CHECK(pipe(there) == 0 && pipe(back) == 0);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
    CHECK(pthread_spin_init(&shared->lock, PTHREAD_PROCESS_SHARED) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        _exit(be_child());
    run_together(THREADS, count_up, NULL);
    give(there[1], 'c');
    CHECK(take(back[0]) == 'h');
    printf("counted to %d\n", shared->counter);
    printf("trylock, held by the child: %s\n", errno_name(pthread_spin_trylock(&shared->lock)));

    /* Spins until another thread has let the child go on. */
    pthread_t teller = start(tell_child, NULL);
    printf("lock: %s\n", errno_name(pthread_spin_lock(&shared->lock)));
    CHECK(pthread_spin_unlock(&shared->lock) == 0);
    join(teller);
    printf("the child: %s\n", child_end(child));
    CHECK(pthread_spin_destroy(&shared->lock) == 0);
    return 0;
}
