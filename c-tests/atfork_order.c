/*
 * atfork_order: fork calls the prepare handlers last registered first, the
 * parent and child handlers first registered first, in the thread that forks,
 * whichever thread that is and whichever registered them.  A lock taken by
 * prepare and released by the others is free and whole on both sides.
 * Follows pthread_atfork(3).
 */
#include "lib/check.h"
#include <spawn.h>
#include <stdatomic.h>

enum { WRITERS = 3, FORKS = 20 };

static char calls[200];
static pthread_t forker;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long left, right;
static atomic_int is_over;

static void note(const char *call)
{
    CHECK(pthread_equal(pthread_self(), forker));
    CHECK(strlen(calls) + strlen(call) < sizeof calls);
    strcat(calls, call);
}

static void prepare_1(void) { note(" prepare-1"); }
static void parent_1(void) { note(" parent-1"); }
static void child_1(void) { note(" child-1"); }
static void prepare_2(void) { note(" prepare-2"); }
static void child_3(void) { note(" child-3"); }
static void parent_4(void) { note(" parent-4"); }

static void lock_both(void)
{
    note(" lock");
    CHECK(pthread_mutex_lock(&lock) == 0);
}

static void unlock_both(void)
{
    CHECK(left == right);
    CHECK(pthread_mutex_unlock(&lock) == 0);
    note(" unlock");
}

static void *register_others(void *unused)
{
    CHECK(pthread_atfork(prepare_2, NULL, NULL) == 0);
    CHECK(pthread_atfork(NULL, NULL, child_3) == 0);
    CHECK(pthread_atfork(NULL, parent_4, NULL) == 0);
    return unused;
}

/* Keeps the lock held most of the time, with the two sides unequal. */
static void *write_both(void *unused)
{
    while (!atomic_load(&is_over)) {
        CHECK(pthread_mutex_lock(&lock) == 0);
        left++;
        sched_yield();
        right++;
        CHECK(pthread_mutex_unlock(&lock) == 0);
        sched_yield();
    }
    return unused;
}

/* Forks and lets the child tell what was called in it. */
static void *fork_and_tell(void *quiet)
{
    int wire[2];
    char told[sizeof calls] = "";
    forker = pthread_self();
    calls[0] = '\0';
    CHECK(pipe(wire) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(pthread_mutex_trylock(&lock) == 0 && left == right);
        write_all(wire[1], calls, strlen(calls));
        _exit(0);
    }
    CHECK(close(wire[1]) == 0);
    CHECK(read_all(wire[0], told, sizeof told - 1) > 0);
    CHECK(close(wire[0]) == 0);
    CHECK(strcmp(child_end(child), "exit 0") == 0);
    if (!quiet)
        printf("  parent:%s\n  child:%s\n", calls, told);
    return NULL;
}

static void *fork_and_register(void *unused)
{
    fork_and_tell(NULL);
    CHECK(pthread_atfork(lock_both, unlock_both, unlock_both) == 0);
    return unused;
}

int main(void)
{
    CHECK(pthread_atfork(prepare_1, parent_1, child_1) == 0);
    puts("one of main's, main forks");
    fork_and_tell(NULL);
    join(start(register_others, NULL));
    puts("and three of a thread's, main forks");
    fork_and_tell(NULL);
    puts("a thread forks");
    join(start(fork_and_register, NULL));
    puts("with a lock, main forks");
    fork_and_tell(NULL);
    puts("a thread forks");
    join(start(fork_and_tell, NULL));

    /* Now the lock is held, and what it guards is being changed. */
    pthread_t writers[WRITERS];
    for (int i = 0; i < WRITERS; i++)
        writers[i] = start(write_both, NULL);
    for (int i = 0; i < FORKS; i++) {
        fork_and_tell((void *)1);
        join(start(fork_and_tell, (void *)1));
    }
    atomic_store(&is_over, 1);
    for (int i = 0; i < WRITERS; i++)
        join(writers[i]);
    puts("contended: whole in every child");

    calls[0] = '\0';
    pid_t child;
    char *arguments[] = { "true", NULL };
    CHECK(posix_spawnp(&child, "true", NULL, NULL, arguments, environ) == 0);
    printf("posix_spawn: %s, called:%s\n", child_end(child), calls);
    return 0;
}
