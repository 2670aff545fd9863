/* madvise(2) is refused (EPERM by a filter, EINVAL by a kernel built without it).
 * Advice is only that: threads run, deep stacks are used again, and a forked child,
 * which inherits pipes that the parent's threads have waited for and mutexes that
 * they have contended for, uses them with threads of its own. madvise(2), fork(2).
 */
#include "lib/refuse.h"
#include <semaphore.h>

enum { DEEP = 512 << 10, ROUNDS = 20 };

static sem_t begun;
static int pipe_ends[2];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *read_one(void *unused)
{
    CHECK(sem_post(&begun) == 0);
    CHECK(take(pipe_ends[0]) == 'x');
    return unused;
}

static void *lock(void *unused)
{
    CHECK(sem_post(&begun) == 0);
    CHECK(pthread_mutex_lock(&mutex) == 0 && pthread_mutex_unlock(&mutex) == 0);
    return unused;
}

static void *go_deep(void *unused)
{
    volatile char room[DEEP];
    for (size_t i = 0; i < DEEP; i += 1024)
        room[i] = 1;
    CHECK(room[DEEP / 2] == 1);
    return unused;
}

static void wait_for_both(void)
{
    for (int i = 0; i < ROUNDS; i++)
        join(start(go_deep, NULL));
    CHECK(pthread_mutex_lock(&mutex) == 0);
    pthread_t reader = start(read_one, NULL), locker = start(lock, NULL);
    CHECK(sem_wait(&begun) == 0 && sem_wait(&begun) == 0);
    others_run();
    give(pipe_ends[1], 'x');
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    join(reader);
    join(locker);
    puts("  a pipe and a mutex were waited for");
}

static void and_in_a_child(void)
{
    wait_for_both();
    alone("  a child", wait_for_both);
}

static void eperm(void) { refuse(SYS_madvise, EPERM), and_in_a_child(); }
static void einval(void) { refuse(SYS_madvise, EINVAL), and_in_a_child(); }
static void later(void) { wait_for_both(), refuse(SYS_madvise, ENOMEM), and_in_a_child(); }

int main(void)
{
    CHECK(sem_init(&begun, 0, 0) == 0 && pipe(pipe_ends) == 0);
    alone("EPERM", eperm);
    alone("EINVAL", einval);
    alone("ENOMEM after the first thread", later);
    return 0;
}
