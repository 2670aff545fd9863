/*
 * attr_objects: an attributes object gives back what was stored in it, refuses
 * what it cannot store and keeps the old value then; its defaults.
 * Follows pthread_attr_init(3) and the pthread_attr_set* pages.
 */
#include "lib/expect.h"

#include <sched.h>
#include <signal.h>

static pthread_attr_t attributes;

#define SHOW_INT(what)                                              \
    do {                                                            \
        int value = -1;                                             \
        OK(pthread_attr_get##what(&attributes, &value));            \
        printf("  " #what " is %d\n", value);                       \
    } while (0)

/* Stores each value, and reads back after each. */
#define TRY_INT(what, value)                                        \
    do {                                                            \
        show(#what " " #value, pthread_attr_set##what(&attributes, value)); \
        SHOW_INT(what);                                             \
    } while (0)

static void show_priority(void)
{
    struct sched_param parameters;
    OK(pthread_attr_getschedparam(&attributes, &parameters));
    printf("  priority is %d\n", parameters.sched_priority);
}

static void try_priority(int priority)
{
    struct sched_param parameters = { .sched_priority = priority };
    printf("priority %d: %s\n", priority,
           errno_name(pthread_attr_setschedparam(&attributes, &parameters)));
    show_priority();
}

static void show_size(const char *what, int get(const pthread_attr_t *, size_t *))
{
    size_t size;
    OK(get(&attributes, &size));
    printf("  %s is %zu\n", what, size);
}

/* The default sizes are the machine's: compared, not printed. */
static void show_defaults(void)
{
    size_t guard, size, default_size;
    pthread_attr_t defaults;
    OK(pthread_getattr_default_np(&defaults));
    OK(pthread_attr_getstacksize(&defaults, &default_size));
    OK(pthread_attr_destroy(&defaults));
    OK(pthread_attr_getstacksize(&attributes, &size));
    OK(pthread_attr_getguardsize(&attributes, &guard));
    puts("defaults");
    SHOW_INT(detachstate);
    SHOW_INT(inheritsched);
    SHOW_INT(schedpolicy);
    SHOW_INT(scope);
    show_priority();
    printf("  stack size is the default: %d, guard is a page: %d\n", size == default_size,
           guard == (size_t)sysconf(_SC_PAGESIZE));
}

static void try_sizes(void)
{
    show("stack size too small", pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN - 1));
    show("stack size least", pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN));
    show_size("stack size", pthread_attr_getstacksize);
    show("stack size odd", pthread_attr_setstacksize(&attributes, 1000001));
    show_size("stack size", pthread_attr_getstacksize);
    show("guard size 0", pthread_attr_setguardsize(&attributes, 0));
    show_size("guard size", pthread_attr_getguardsize);
    show("guard size 1", pthread_attr_setguardsize(&attributes, 1));
    show_size("guard size", pthread_attr_getguardsize);

    static char memory[1 << 16];
    void *address;
    size_t size;
    show("stack too small", pthread_attr_setstack(&attributes, memory, PTHREAD_STACK_MIN - 1));
    show("stack", pthread_attr_setstack(&attributes, memory, sizeof memory));
    OK(pthread_attr_getstack(&attributes, &address, &size));
    printf("  stack is as given: %d\n", address == memory && size == sizeof memory);
    show_size("stack size", pthread_attr_getstacksize);
}

static void try_affinity(void)
{
    cpu_set_t set, read_back;
    OK(pthread_attr_getaffinity_np(&attributes, sizeof set, &set));
    printf("affinity: at first all %d\n", CPU_COUNT(&set) == CPU_SETSIZE);
    CPU_ZERO(&set);
    CPU_SET(3, &set);
    CPU_SET(900, &set);
    show("affinity 3 and 900", pthread_attr_setaffinity_np(&attributes, sizeof set, &set));
    OK(pthread_attr_getaffinity_np(&attributes, sizeof read_back, &read_back));
    printf("  read back the same: %d\n", CPU_EQUAL(&set, &read_back));
    show("affinity into too small a set",
         pthread_attr_getaffinity_np(&attributes, sizeof set / 2, &read_back));
    show("affinity taken back", pthread_attr_setaffinity_np(&attributes, 0, &set));
    OK(pthread_attr_getaffinity_np(&attributes, sizeof read_back, &read_back));
    printf("  all again: %d\n", CPU_COUNT(&read_back) == CPU_SETSIZE);
}

static void try_mask(void)
{
    sigset_t set;
    printf("signal mask: none at first %d\n",
           pthread_attr_getsigmask_np(&attributes, &set) == PTHREAD_ATTR_NO_SIGMASK_NP);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN + 3);
    show("signal mask", pthread_attr_setsigmask_np(&attributes, &set));
    sigfillset(&set);
    show("signal mask read", pthread_attr_getsigmask_np(&attributes, &set));
    printf("  SIGUSR1 %d, SIGUSR2 %d, SIGRTMIN+3 %d\n", sigismember(&set, SIGUSR1),
           sigismember(&set, SIGUSR2), sigismember(&set, SIGRTMIN + 3));
    show("signal mask taken back", pthread_attr_setsigmask_np(&attributes, NULL));
    printf("  none again: %d\n",
           pthread_attr_getsigmask_np(&attributes, &set) == PTHREAD_ATTR_NO_SIGMASK_NP);
}

int main(void)
{
    OK(pthread_attr_init(&attributes));
    show_defaults();
    TRY_INT(detachstate, PTHREAD_CREATE_DETACHED);
    TRY_INT(detachstate, 99);
    TRY_INT(detachstate, PTHREAD_CREATE_JOINABLE);
    TRY_INT(inheritsched, PTHREAD_EXPLICIT_SCHED);
    TRY_INT(inheritsched, 99);
    TRY_INT(scope, PTHREAD_SCOPE_PROCESS);
    TRY_INT(scope, PTHREAD_SCOPE_SYSTEM);
    TRY_INT(scope, 99);
    try_priority(1);
    TRY_INT(schedpolicy, SCHED_BATCH);
    TRY_INT(schedpolicy, 99);
    TRY_INT(schedpolicy, SCHED_RR);
    try_priority(0);
    try_priority(99);
    try_priority(100);
    TRY_INT(schedpolicy, SCHED_OTHER);
    try_sizes();
    try_affinity();
    try_mask();
    show("destroy", pthread_attr_destroy(&attributes));
    return 0;
}
