/* Threads that spin with sched_yield() until another sets a flag do not starve
 * that other, though it must first wait for input, for time, or for an
 * offloaded call: sched_yield(2).
 */
#include "lib/check.h"
#include <sched.h>
#include <stdatomic.h>

enum { SPINNERS = 4 };

static atomic_int spinning, flag;
static int ends[2];

static void *spin(void *unused)
{
    atomic_fetch_add(&spinning, 1);
    while (!atomic_load(&flag))
        CHECK(sched_yield() == 0);
    return unused;
}

static void *after_input(void *unused)
{
    CHECK(take(ends[0]) == 'x');
    atomic_store(&flag, 1);
    return unused;
}

static void *after_time(void *unused)
{
    CHECK(usleep(20000) == 0);
    atomic_store(&flag, 1);
    return unused;
}

static void *after_disk(void *unused)
{
    int file = temporary_file(0);
    CHECK(write(file, "x", 1) == 1 && fsync(file) == 0);
    atomic_store(&flag, 1);
    return unused;
}

int main(void)
{
    thread_body *setters[] = { after_input, after_time, after_disk };
    const char *names[] = { "input", "time", "disk" };
    CHECK(pipe(ends) == 0);
    for (size_t i = 0; i < COUNT(setters); i++) {
        pthread_t spinners[SPINNERS];
        atomic_store(&flag, 0);
        atomic_store(&spinning, 0);
        for (int j = 0; j < SPINNERS; j++)
            spinners[j] = start(spin, NULL);
        while (atomic_load(&spinning) < SPINNERS)
            CHECK(sched_yield() == 0);
        pthread_t setter = start(setters[i], NULL);
        others_run();
        give(ends[1], 'x');
        for (int j = 0; j < SPINNERS; j++)
            join(spinners[j]);
        join(setter);
        printf("flag set after %s\n", names[i]);
    }
    return 0;
}
