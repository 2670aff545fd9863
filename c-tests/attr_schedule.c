/*
 * attr_schedule: a thread takes its policy and priority from its creator, or,
 * with PTHREAD_EXPLICIT_SCHED, from its attributes, and says so itself.  What
 * the process may not ask for, pthread_create refuses as
 * pthread_setschedparam does.
 * Follows pthread_attr_setinheritsched(3), pthread_attr_setschedpolicy(3).
 */
#include "lib/expect.h"

#include <sched.h>

static const char *policy_name(int policy)
{
    return policy == SCHED_OTHER ? "other" : policy == SCHED_BATCH ? "batch"
         : policy == SCHED_IDLE ? "idle" : policy == SCHED_FIFO ? "fifo"
         : policy == SCHED_RR ? "rr" : "unknown";
}

static void *look(void *what)
{
    int policy = -1;
    struct sched_param parameters = { -1 }, own = { -1 };
    int error = pthread_getschedparam(pthread_self(), &policy, &parameters);
    SYS(sched_getparam(0, &own));
    printf("%s: %s, %s %d, by sched_*: %s %d\n", (char *)what, errno_name(error),
           policy_name(policy), parameters.sched_priority, policy_name(sched_getscheduler(0)),
           own.sched_priority);
    return NULL;
}

static void run(const char *what, const pthread_attr_t *attributes)
{
    pthread_t thread;
    int error = pthread_create(&thread, attributes, look, (void *)what);
    if (error)
        show(what, error);
    else
        join_thread(thread);
}

static pthread_attr_t with(int inherit, int policy, int priority)
{
    pthread_attr_t attributes;
    struct sched_param parameters = { .sched_priority = priority };
    OK(pthread_attr_init(&attributes));
    OK(pthread_attr_setinheritsched(&attributes, inherit));
    OK(pthread_attr_setschedpolicy(&attributes, policy));
    if (priority || policy == SCHED_OTHER)
        OK(pthread_attr_setschedparam(&attributes, &parameters));
    return attributes;
}

static const struct sched_param none = { 0 }, lowest = { 1 };

static void *create_as_batch(void *unused)
{
    show("a thread becomes batch", pthread_setschedparam(pthread_self(), SCHED_BATCH, &none));
    look("creator");
    run("  without attributes", NULL);
    pthread_attr_t attributes;
    OK(pthread_attr_init(&attributes));
    run("  default attributes", &attributes);
    attributes = with(PTHREAD_INHERIT_SCHED, SCHED_OTHER, 0);
    run("  inherit, other", &attributes);
    attributes = with(PTHREAD_INHERIT_SCHED, SCHED_FIFO, 5);
    run("  inherit, fifo 5", &attributes);
    attributes = with(PTHREAD_EXPLICIT_SCHED, SCHED_OTHER, 0);
    run("  explicit, other", &attributes);
    attributes = with(PTHREAD_EXPLICIT_SCHED, SCHED_FIFO, 0);
    run("  explicit, fifo 0", &attributes);
    look("creator, still");
    return unused;
}

static void *become_lowest(void *policy)
{
    return (void *)(intptr_t)pthread_setschedparam(pthread_self(), *(int *)policy, &lowest);
}

static void *has_lowest(void *expected)
{
    int policy = -1;
    struct sched_param parameters = { -1 };
    int error = pthread_getschedparam(pthread_self(), &policy, &parameters);
    return (void *)(intptr_t)(!error && policy == *(int *)expected && parameters.sched_priority == 1
        && sched_getscheduler(0) == policy);
}

/* Real time takes a privilege, so the two answers are compared, not shown. */
static void try_real_time(int policy)
{
    pthread_attr_t attributes = with(PTHREAD_EXPLICIT_SCHED, policy, 1);
    int allowed = (int)(intptr_t)join_thread(start_thread(become_lowest, &policy));
    pthread_t thread;
    int error = pthread_create(&thread, &attributes, has_lowest, &policy);
    int right = error || join_thread(thread);
    printf("explicit, %s 1: %s, %s\n", policy_name(policy),
           error == allowed ? "as pthread_setschedparam answers" : "another answer",
           right ? "and so it runs" : "but it runs otherwise");
}

int main(void)
{
    run("a thread of main", NULL);
    join_thread(start_thread(create_as_batch, NULL));
    run("another thread of main", NULL);
    try_real_time(SCHED_FIFO);
    try_real_time(SCHED_RR);
    look("main");
    return 0;
}
