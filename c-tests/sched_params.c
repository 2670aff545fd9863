/*
 * sched_params: policy and priority belong to one thread: set by itself or by
 * another they change for that thread alone.  Bad ones are refused and change
 * nothing; a thread that has ended has none.
 * Follows pthread_setschedparam(3), pthread_setschedprio(3).
 */
#include "lib/expect.h"

#include <sched.h>

static pthread_t main_thread, other;
static pthread_barrier_t turn;

static const char *policy_name(int policy)
{
    return policy == SCHED_OTHER ? "other" : policy == SCHED_BATCH ? "batch"
         : policy == SCHED_IDLE ? "idle" : "unknown";
}

static void show_thread(const char *name, pthread_t thread)
{
    int policy = -1;
    struct sched_param parameters = { -1 };
    int error = pthread_getschedparam(thread, &policy, &parameters);
    printf("  %s: %s, %s %d\n", name, errno_name(error), policy_name(policy),
           parameters.sched_priority);
}

/* What the kernel, or whoever stands for it, says of the caller. */
static void show_own(const char *name)
{
    struct sched_param parameters = { -1 };
    SYS(sched_getparam(0, &parameters));
    printf("  %s itself: %s %d\n", name, policy_name(sched_getscheduler(0)),
           parameters.sched_priority);
}

static void set(const char *what, pthread_t thread, int policy, int priority)
{
    struct sched_param parameters = { .sched_priority = priority };
    show(what, pthread_setschedparam(thread, policy, &parameters));
}

static void *be_other(void *unused)
{
    show_own("other");
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    show_own("other");
    show_thread("main", main_thread);
    set("other makes itself other", pthread_self(), SCHED_OTHER, 0);
    set("other makes main batch", main_thread, SCHED_BATCH, 0);
    show_own("other");
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    return unused;
}

/* There is no way back from idle without a privilege: a thread for it alone. */
static void *be_idle(void *unused)
{
    set("a third makes itself idle", pthread_self(), SCHED_IDLE, 0);
    show_own("third");
    show_thread("third", pthread_self());
    show_thread("other", other);
    return unused;
}

static void refuse(const char *name, pthread_t thread)
{
    printf("refused for %s\n", name);
    set("  no such policy", thread, 99, 0);
    set("  a negative policy", thread, -1, 0);
    set("  priority 1 for other", thread, SCHED_OTHER, 1);
    set("  priority -1 for batch", thread, SCHED_BATCH, -1);
    set("  priority 0 for fifo", thread, SCHED_FIFO, 0);
    set("  priority 100 for rr", thread, SCHED_RR, 100);
    show("  setschedprio 1", pthread_setschedprio(thread, 1));
    show("  setschedprio -1", pthread_setschedprio(thread, -1));
    show("setschedprio 0", pthread_setschedprio(thread, 0));
    show_thread(name, thread);
}

static void *end(void *unused)
{
    return unused;
}

int main(void)
{
    main_thread = pthread_self();
    OK(pthread_barrier_init(&turn, NULL, 2));
    other = start_thread(be_other, NULL);
    pthread_barrier_wait(&turn);
    show_thread("main", main_thread);
    show_thread("other", other);

    set("main makes other batch", other, SCHED_BATCH, 0);
    show_thread("other", other);
    show_own("main");
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    show_own("main");
    show_thread("main", main_thread);
    show_thread("other", other);

    refuse("other", other);
    join_thread(start_thread(be_idle, NULL));
    pthread_barrier_wait(&turn);
    join_thread(other);
    refuse("main", main_thread);
    show_own("main");

    /* It has ended when its clock is gone; a bound, lest that never happens. */
    pthread_t ended = start_thread(end, NULL);
    clockid_t clock;
    int error = 0;
    for (int i = 0; i < 1000000 && !error; i++) {
        error = pthread_getcpuclockid(ended, &clock);
        sched_yield();
    }
    show("a thread ends, its clock", error);
    show_thread("it", ended);
    set("set for it", ended, SCHED_BATCH, 0);
    show("setschedprio for it", pthread_setschedprio(ended, 0));
    join_thread(ended);
    return 0;
}
