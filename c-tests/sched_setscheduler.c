/*
 * sched_setscheduler: the sched_* calls act on one thread: the caller with 0,
 * another with its gettid(), main with the process id.
 * Follows sched_setscheduler(2), sched_setparam(2).
 */
#include "lib/check.h"
#include <sched.h>

static const struct sched_param none = { 0 }, one = { 1 };
static pthread_barrier_t turn;
static pid_t ids[2];

static const char *policy_name(int policy)
{
    return policy == SCHED_OTHER ? "other" : policy == SCHED_BATCH ? "batch"
         : policy == SCHED_IDLE ? "idle" : policy == -1 ? errno_name(errno) : "unknown";
}

static void show_id(const char *name, pid_t id)
{
    struct sched_param parameters = { -1 };
    int policy = sched_getscheduler(id);
    sched_getparam(id, &parameters);
    printf("  %s: %s %d\n", name, policy_name(policy), parameters.sched_priority);
}

static void show_all(const char *when)
{
    printf("%s\n", when);
    show_id("main", getpid());
    show_id("first", ids[0]);
    show_id("second", ids[1]);
}

static void set(pid_t id, int policy)
{
    int result = sched_setscheduler(id, policy, &none);
    printf("set: %s\n", result == 0 ? "0" : errno_name(errno));
}

static void *be_first(void *unused)
{
    ids[0] = gettid();
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    show_id("first, itself", 0);
    set(0, SCHED_BATCH);
    show_id("first, itself", 0);
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    show_id("first, itself", 0);
    pthread_barrier_wait(&turn);
    return unused;
}

static void *be_second(void *unused)
{
    ids[1] = gettid();
    pthread_barrier_wait(&turn);
    for (int i = 0; i < 2; i++)
        pthread_barrier_wait(&turn);
    show_id("second, itself", 0);
    FAILS(EINVAL, sched_setscheduler(0, 99, &none));
    FAILS(EINVAL, sched_setscheduler(0, SCHED_OTHER, &one));
    FAILS(EINVAL, sched_setscheduler(0, SCHED_FIFO, &none));
    FAILS(EINVAL, sched_setparam(0, &one));
    printf("sched_setparam: %d\n", sched_setparam(0, &none));
    show_id("second, itself", 0);
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    return unused;
}

/* A thread has the turn while the other two wait at the barrier. */
int main(void)
{
    CHECK(pthread_barrier_init(&turn, NULL, 3) == 0);
    pthread_t threads[2] = { start(be_first, NULL), start(be_second, NULL) };
    pthread_barrier_wait(&turn);
    show_all("at first");
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    show_all("the first made itself batch");

    set(ids[1], SCHED_BATCH);
    show_all("main made the second batch");
    set(ids[0], SCHED_OTHER);
    show_all("main made the first other");
    set(0, SCHED_BATCH);
    show_all("main made itself batch");
    set(getpid(), SCHED_OTHER);
    show_all("main made the process id other");
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    join(threads[0]);
    join(threads[1]);

    FAILS(EINVAL, sched_getscheduler(-1));
    FAILS(EINVAL, sched_setscheduler(-1, SCHED_OTHER, &none));
    FAILS(EINVAL, sched_setscheduler(0, -1, &none));
    return 0;
}
