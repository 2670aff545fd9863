/* Every thread has a thread id of its own, the same in each of its calls; that
 * of the main thread is the process id: gettid(2).
 */
#include "lib/check.h"
#include <sys/syscall.h>

enum { THREADS = 50 };

static pthread_barrier_t barrier;

static void *own_id(void *result)
{
    pid_t id = gettid();
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < 5; i++) {
        CHECK(gettid() == id && syscall(SYS_gettid) == id);
        sched_yield();
    }
    CHECK(getpid() == syscall(SYS_getpid));
    *(pid_t *)result = id;
    pthread_barrier_wait(&barrier);
    return NULL;
}

static int compare(const void *left, const void *right)
{
    pid_t a = *(const pid_t *)left, b = *(const pid_t *)right;
    return (a > b) - (a < b);
}

int main(void)
{
    pid_t ids[THREADS + 1];
    pthread_t threads[THREADS];
    CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
    printf("main's is the process id, before: %d\n", gettid() == getpid());
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(own_id, &ids[i]);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    ids[THREADS] = gettid();
    printf("main's is the process id, after: %d\n",
           ids[THREADS] == getpid() && syscall(SYS_gettid) == getpid());
    CHECK(ids[THREADS] == getpid());

    qsort(ids, COUNT(ids), sizeof *ids, compare);
    int distinct = 1;
    for (size_t i = 1; i < COUNT(ids); i++)
        distinct += ids[i] != ids[i - 1];
    printf("%d alive at once, %d ids, all positive: %d\n", THREADS + 1, distinct,
           ids[0] > 0);
    CHECK(distinct == THREADS + 1 && ids[0] > 0);
    return 0;
}
