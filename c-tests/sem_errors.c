/* What the calls on a semaphore refuse, and in which order they look: a wrong
 * time or clock is EINVAL even if the value is there, a time gone by is none;
 * EOVERFLOW leaves the value. The same for a private, a process-shared and a
 * named semaphore: sem_timedwait(3), sem_post(3), sem_init(3).
 */
#include "lib/check.h"
#include "lib/semaphores.h"
#include <semaphore.h>

static const struct timespec past = { 1, 0 }, before_1970 = { -1, 0 };
static const struct timespec too_long = { LONG_MAX, 1000000000 }, negative = { 1, -1 };

static int timedwait(sem_t *semaphore, const struct timespec *at)
{
    return sem_timedwait(semaphore, at);
}

static int clockwait(sem_t *semaphore, const struct timespec *at)
{
    return sem_clockwait(semaphore, CLOCK_MONOTONIC, at);
}

static int by_wrong_clock(sem_t *semaphore, const struct timespec *at)
{
    return sem_clockwait(semaphore, CLOCK_THREAD_CPUTIME_ID, at);
}

static const struct way {
    const char *name;
    int (*wait)(sem_t *, const struct timespec *);
} ways[] = {
    { "timedwait", timedwait },
    { "clockwait", clockwait },
    { "clockwait by a wrong clock", by_wrong_clock },
};

static const char *outcome(const struct way *way, sem_t *semaphore, const struct timespec *at)
{
    errno = 0;
    int result = way->wait(semaphore, at);
    CHECK(result == 0 || result == -1);
    return errno_name(result == 0 ? 0 : errno);
}

static void try_times(sem_t *semaphore, const char *state)
{
    for (size_t i = 0; i < COUNT(ways); i++) {
        printf("  %s, %s: past %s, before 1970 %s", state, ways[i].name,
               outcome(&ways[i], semaphore, &past), outcome(&ways[i], semaphore, &before_1970));
        printf(", too many nanoseconds %s, negative %s\n",
               outcome(&ways[i], semaphore, &too_long), outcome(&ways[i], semaphore, &negative));
    }
}

static void *try_semaphore(void *argument)
{
    sem_t *semaphore = argument;
    try_times(semaphore, "at 0");
    for (int i = 0; i < 10; i++)
        CHECK(sem_post(semaphore) == 0);
    try_times(semaphore, "above 0");
    printf("  left of 10: %d\n", value_of(semaphore));
    while (sem_trywait(semaphore) == 0)
        ;
    CHECK(errno == EAGAIN && value_of(semaphore) == 0);
    return NULL;
}

static void *post_too_often(void *argument)
{
    sem_t *semaphore = argument;
    CHECK(value_of(semaphore) == SEM_VALUE_MAX);
    FAILS(EOVERFLOW, sem_post(semaphore));
    CHECK(value_of(semaphore) == SEM_VALUE_MAX && sem_wait(semaphore) == 0);
    CHECK(sem_post(semaphore) == 0);
    FAILS(EOVERFLOW, sem_post(semaphore));
    return NULL;
}

int main(void)
{
    for (int shared = 0; shared <= 1; shared++) {
        sem_t semaphore;
        printf("%s\n", shared ? "process-shared" : "private");
        FAILS(EINVAL, sem_init(&semaphore, shared, (unsigned)SEM_VALUE_MAX + 1));
        CHECK(sem_init(&semaphore, shared, 0) == 0);
        join(start(try_semaphore, &semaphore));
        CHECK(sem_destroy(&semaphore) == 0);
        CHECK(sem_init(&semaphore, shared, SEM_VALUE_MAX) == 0);
        join(start(post_too_often, &semaphore));
        CHECK(sem_destroy(&semaphore) == 0);
    }
    puts("named");
    sem_t *named = open_unlinked(0);
    join(start(try_semaphore, named));
    CHECK(sem_close(named) == 0);
    named = open_unlinked(SEM_VALUE_MAX);
    join(start(post_too_often, named));
    CHECK(sem_close(named) == 0);
    return 0;
}
