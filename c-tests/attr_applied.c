/*
 * attr_applied: a thread starts with the signal mask and the affinity of its
 * attributes, whatever its creator has, and the creator keeps its own.  With
 * an affinity that no processor satisfies there is no thread.
 * Follows pthread_attr_setsigmask_np(3), pthread_attr_setaffinity_np(3).
 */
#include "lib/expect.h"

#include <sched.h>
#include <signal.h>

static volatile sig_atomic_t handled;

static void handle(int signal)
{
    (void)signal;
    handled++;
}

static void show_mask(const char *who)
{
    sigset_t mask;
    OK(pthread_sigmask(SIG_SETMASK, NULL, &mask));
    printf("  %s: USR1 %d, USR2 %d, TERM %d, KILL %d, STOP %d\n", who,
           sigismember(&mask, SIGUSR1), sigismember(&mask, SIGUSR2), sigismember(&mask, SIGTERM),
           sigismember(&mask, SIGKILL), sigismember(&mask, SIGSTOP));
}

static void *look_at_mask(void *who)
{
    show_mask(who);
    return NULL;
}

/* The mask holds from the first moment: what was sent since is pending. */
static void *take_pending(void *created)
{
    sigset_t set, pending;
    pthread_barrier_wait(created);
    SYS(sigpending(&pending));
    printf("  sent at once: pending %d, handled %d\n", sigismember(&pending, SIGUSR1), (int)handled);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    OK(pthread_sigmask(SIG_UNBLOCK, &set, NULL));
    printf("  unblocked: handled %d\n", (int)handled);
    return NULL;
}

static void run(const pthread_attr_t *attributes, void *(*entry)(void *), const void *argument)
{
    pthread_t thread;
    OK(pthread_create(&thread, attributes, entry, (void *)argument));
    join_thread(thread);
}

static void try_masks(void)
{
    sigset_t creators, given;
    pthread_attr_t attributes;
    sigemptyset(&creators);
    sigaddset(&creators, SIGUSR2);
    OK(pthread_sigmask(SIG_SETMASK, &creators, NULL));
    OK(pthread_attr_init(&attributes));
    puts("signal mask");
    run(&attributes, look_at_mask, "inherited");
    sigemptyset(&given);
    OK(pthread_attr_setsigmask_np(&attributes, &given));
    run(&attributes, look_at_mask, "empty");
    sigaddset(&given, SIGUSR1);
    OK(pthread_attr_setsigmask_np(&attributes, &given));
    run(&attributes, look_at_mask, "USR1");

    pthread_t thread;
    pthread_barrier_t created;
    OK(pthread_barrier_init(&created, NULL, 2));
    OK(pthread_create(&thread, &attributes, take_pending, &created));
    OK(pthread_kill(thread, SIGUSR1));
    pthread_barrier_wait(&created);
    join_thread(thread);

    sigfillset(&given);
    OK(pthread_attr_setsigmask_np(&attributes, &given));
    run(&attributes, look_at_mask, "full");
    OK(pthread_attr_setsigmask_np(&attributes, NULL));
    run(&attributes, look_at_mask, "inherited again");
    show_mask("creator");
    OK(pthread_attr_destroy(&attributes));
}

static void show_affinity(const char *who, const cpu_set_t *expected)
{
    cpu_set_t own, by_id;
    CPU_ZERO(&own);
    show(who, pthread_getaffinity_np(pthread_self(), sizeof own, &own));
    SYS(sched_getaffinity(0, sizeof by_id, &by_id));
    printf("  pthread_getaffinity_np %d, sched_getaffinity %d\n",
           CPU_EQUAL(&own, expected), CPU_EQUAL(&by_id, expected));
}

static void *look_at_affinity(void *expected)
{
    show_affinity("as the attributes say", expected);
    return NULL;
}

static void *not_reached(void *unused)
{
    puts("  there is a thread");
    return unused;
}

static void try_impossible(const char *what, const pthread_attr_t *attributes)
{
    pthread_t thread;
    int error = pthread_create(&thread, attributes, not_reached, NULL);
    show(what, error);
    if (!error)
        join_thread(thread);
}

/* The same on a machine with one processor, where all sets are the same. */
static void try_affinities(void)
{
    cpu_set_t allowed, one;
    pthread_attr_t attributes;
    int first = 0, last = CPU_SETSIZE - 1;
    SYS(sched_getaffinity(0, sizeof allowed, &allowed));
    while (!CPU_ISSET(first, &allowed))
        first++;
    while (!CPU_ISSET(last, &allowed))
        last--;
    OK(pthread_attr_init(&attributes));
    puts("affinity");
    for (int i = 0; i < 2; i++) {
        CPU_ZERO(&one);
        CPU_SET(i == 0 ? first : last, &one);
        OK(pthread_attr_setaffinity_np(&attributes, sizeof one, &one));
        run(&attributes, look_at_affinity, &one);
    }
    show_affinity("creator's unchanged", &allowed);

    CPU_ZERO(&one);
    OK(pthread_attr_setaffinity_np(&attributes, sizeof one, &one));
    try_impossible("no processor at all", &attributes);
    CPU_SET(CPU_SETSIZE - 1, &one);
    OK(pthread_attr_setaffinity_np(&attributes, sizeof one, &one));
    try_impossible("a processor that is not there", &attributes);
    OK(pthread_attr_setaffinity_np(&attributes, 0, &one));
    run(&attributes, look_at_affinity, &allowed);
    OK(pthread_attr_destroy(&attributes));
}

int main(void)
{
    struct sigaction action = { .sa_handler = handle };
    SYS(sigaction(SIGUSR1, &action, NULL));
    try_masks();
    try_affinities();
    return 0;
}
