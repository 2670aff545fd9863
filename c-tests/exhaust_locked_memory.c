/* mlockall(2) with MCL_FUTURE, as real-time programs call it: what is mapped from then
 * on is resident at once, so a thread costs its stack, and three threads with stacks of
 * 256 KiB cost little. mlockall(2), pthread_attr_setstacksize(3).
 */
#include "lib/refuse.h"
#include "lib/usage.h"
#include <sys/mman.h>

enum { STACK = 256 << 10, THREADS = 3, MOST_MIB = 150 };

static pthread_barrier_t barrier;

static void *meet(void *unused)
{
    pthread_barrier_wait(&barrier);
    return unused;
}

static void threads(void)
{
    pthread_attr_t attributes;
    pthread_t all[THREADS];
    CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setstacksize(&attributes, STACK) == 0);
    CHECK(pthread_barrier_init(&barrier, NULL, THREADS + 1) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&all[i], &attributes, meet, NULL) == 0);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < THREADS; i++)
        join(all[i]);
    long mib = resident_kib() >> 10;
    dprintf(2, "%ld MiB resident\n", mib);
    printf("  little memory: %d\n", mib < MOST_MIB);
}

static void all_locked(void)
{
    if (mlockall(MCL_CURRENT | MCL_FUTURE) == -1) {
        puts("  may not lock memory here, nothing tried");
        return;
    }
    threads();
    CHECK(munlockall() == 0);
    others_run();
}

int main(void)
{
    alone("all memory locked", all_locked);
    return 0;
}
