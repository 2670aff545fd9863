/* Of two threads that join each other one is told EDEADLK; a second joiner is
 * told EINVAL, and detaching a thread that somebody waits for changes nothing;
 * who gave up waiting makes room for the next; detaching twice is EINVAL:
 * pthread_join(3), pthread_detach(3), pthread_timedjoin_np(3).
 */
#include "lib/check.h"
#include <semaphore.h>

static int quiet[2];
static sem_t created, known;
static const struct timespec past = { 1, 0 };

static void *read_byte(void *value)
{
    CHECK(take(quiet[0]) == 'x');
    return value;
}

/* ---- each other ------------------------------------------------------------ */

static struct joiner {
    pthread_t thread;
    struct joiner *other;
    int error;
} joiners[2] = { { .other = &joiners[1] }, { .other = &joiners[0] } };

static void *join_other(void *argument)
{
    struct joiner *joiner = argument;
    CHECK(sem_wait(&created) == 0);
    joiner->error = pthread_join(joiner->other->thread, NULL);
    CHECK(sem_post(&known) == 0);
    return NULL;
}

/* Which one comes second is open; that one is joined by the other. */
static void each_other(void)
{
    for (int i = 0; i < 2; i++)
        joiners[i].thread = start(join_other, &joiners[i]);
    for (int i = 0; i < 2; i++)
        CHECK(sem_post(&created) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(sem_wait(&known) == 0);
    int second = joiners[1].error != 0;
    printf("each other: %s for one", errno_name(joiners[second].error));
    printf(", %s for the other\n", errno_name(joiners[!second].error));
    join(joiners[!second].thread);
}

/* ---- two for one ----------------------------------------------------------- */

static void *join_reader(void *reader)
{
    void *value = NULL;
    CHECK(pthread_join(*(pthread_t *)reader, &value) == 0);
    return value;
}

static void *join_shortly(void *reader)
{
    struct timespec limit;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &limit) == 0);
    limit.tv_sec += 1;
    return (void *)(long)pthread_clockjoin_np(*(pthread_t *)reader, NULL, CLOCK_MONOTONIC, &limit);
}

/* A joiner that only asks is sent away as soon as another one waits. */
static void await_joiner(pthread_t reader)
{
    int error;
    while ((error = pthread_timedjoin_np(reader, NULL, &past)) == ETIMEDOUT)
        sched_yield();
    printf("a second joiner: %s", errno_name(error));
    printf(", %s\n", errno_name(pthread_join(reader, NULL)));
    CHECK(pthread_tryjoin_np(reader, NULL) == EBUSY);
}

static void two_for_one(void)
{
    pthread_t reader = start(read_byte, "its value"), joiner = start(join_reader, &reader);
    await_joiner(reader);
    printf("detached while joined: %s", errno_name(pthread_detach(reader)));
    printf(", %s\n", errno_name(pthread_detach(reader)));
    give(quiet[1], 'x');
    printf("the first joiner: %s\n", (char *)join(joiner));

    reader = start(read_byte, "its value");
    joiner = start(join_shortly, &reader);
    await_joiner(reader);
    printf("the first joiner: %s\n", errno_name((int)(long)join(joiner)));
    give(quiet[1], 'x');
    printf("the next: %s\n", (char *)join(reader));
}

/* ---- detached --------------------------------------------------------------- */

static void *detach_itself(void *unused)
{
    printf("detached by itself: %s", errno_name(pthread_detach(pthread_self())));
    printf(", again: %s\n", errno_name(pthread_detach(pthread_self())));
    CHECK(sem_post(&known) == 0);
    CHECK(take(quiet[0]) == 'x');
    return unused;
}

static void detached(void)
{
    pthread_t thread = start(detach_itself, NULL);
    CHECK(sem_wait(&known) == 0);
    printf("detached by another: %s\n", errno_name(pthread_detach(thread)));
    printf("joined: %s", errno_name(pthread_join(thread, NULL)));
    printf(" %s\n", errno_name(pthread_timedjoin_np(thread, NULL, &past)));
    give(quiet[1], 'x');
}

int main(void)
{
    CHECK(pipe(quiet) == 0 && sem_init(&created, 0, 0) == 0 && sem_init(&known, 0, 0) == 0);
    each_other();
    two_for_one();
    detached();
    return 0;
}
