/*
 * affinity: the processors a thread may run on are its own: set by itself or by
 * another, through pthread_* or sched_*, they change for that thread alone, and
 * its children inherit them.  Bad sets are refused and change nothing.
 * Follows pthread_setaffinity_np(3), sched_setaffinity(2).
 */
#include "lib/expect.h"

#include <sched.h>

/* Sets are compared, not printed, for they are the machine's; with one
 * processor `first`, `last` and `allowed` are the same. */
static cpu_set_t allowed, first, last;
static pthread_barrier_t turn;
static pid_t other_id;

static cpu_set_t processor(int from, int step)
{
    cpu_set_t set;
    while (!CPU_ISSET(from, &allowed))
        from += step;
    CPU_ZERO(&set);
    CPU_SET(from, &set);
    return set;
}

static void is(const char *name, pthread_t thread, const cpu_set_t *expected)
{
    cpu_set_t set;
    memset(&set, 0xff, sizeof set);
    int error = pthread_getaffinity_np(thread, sizeof set, &set);
    printf("  %s: %s, %s\n", name, errno_name(error),
           CPU_EQUAL(&set, expected) ? "as expected" : "another set");
}

static void is_own(const char *name, const cpu_set_t *expected)
{
    cpu_set_t set;
    SYS(sched_getaffinity(0, sizeof set, &set));
    printf("  %s by sched_getaffinity: %s\n", name,
           CPU_EQUAL(&set, expected) ? "as expected" : "another set");
    is(name, pthread_self(), expected);
}

static const char *result_name(int result)
{
    return errno_name(result == 0 ? 0 : errno);
}

static void *look(void *expected)
{
    is_own("its thread", expected);
    return NULL;
}

static void *be_other(void *unused)
{
    other_id = gettid();
    is_own("other", &allowed);
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    is_own("other", &first);
    join_thread(start_thread(look, &first));
    show("other sets itself", pthread_setaffinity_np(pthread_self(), sizeof last, &last));
    is_own("other", &last);
    printf("other sets itself by 0: %s\n", result_name(sched_setaffinity(0, sizeof first, &first)));
    is_own("other", &first);
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    is_own("other", &allowed);
    return unused;
}

static void refuse(const char *name, pthread_t thread)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    printf("refused for %s\n", name);
    show("  no processor", pthread_setaffinity_np(thread, sizeof set, &set));
    show("  a set of no bytes", pthread_setaffinity_np(thread, 0, &allowed));
    show("  read into no bytes", pthread_getaffinity_np(thread, 0, &set));
    show("  read into one byte", pthread_getaffinity_np(thread, 1, &set));
    is(name, thread, &allowed);
    /* Only what is there counts, as long as something is. */
    set = allowed;
    CPU_SET(CPU_SETSIZE - 1, &set);
    show("one processor too many", pthread_setaffinity_np(thread, sizeof set, &set));
    is(name, thread, &allowed);
}

int main(void)
{
    SYS(sched_getaffinity(0, sizeof allowed, &allowed));
    first = processor(0, 1);
    last = processor(CPU_SETSIZE - 1, -1);
    OK(pthread_barrier_init(&turn, NULL, 2));
    pthread_t other = start_thread(be_other, NULL);
    pthread_barrier_wait(&turn);
    is("other", other, &allowed);
    show("main sets other", pthread_setaffinity_np(other, sizeof first, &first));
    is("other", other, &first);
    is_own("main", &allowed);
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    is("other", other, &first);
    is_own("main", &allowed);

    cpu_set_t set;
    CPU_ZERO(&set);
    printf("main reads other by its id: %s", result_name(sched_getaffinity(other_id, sizeof set, &set)));
    printf(", %s\n", CPU_EQUAL(&set, &first) ? "as expected" : "another set");
    printf("main sets other by its id: %s\n",
           result_name(sched_setaffinity(other_id, sizeof allowed, &allowed)));
    is("other", other, &allowed);
    refuse("other", other);
    pthread_barrier_wait(&turn);
    join_thread(other);

    refuse("main", pthread_self());
    printf("main sets itself by 0: %s\n", result_name(sched_setaffinity(0, sizeof last, &last)));
    is_own("main", &last);
    join_thread(start_thread(look, &last));
    printf("by its process id: %s\n",
           result_name(sched_setaffinity(getpid(), sizeof allowed, &allowed)));
    is_own("main", &allowed);
    return 0;
}
