/*
 * mutex_robust_uncontended: threads lock and unlock robust mutexes that nobody
 * else wants at that moment: every type, several held at once and let go in
 * any order, by trylock and with a time limit.  Who only tries sees EBUSY, and
 * a mutex whose owner lives needs no pthread_mutex_consistent.
 * Follows pthread_mutexattr_setrobust(3), pthread_mutex_consistent(3).
 */
#include "lib/expect.h"

enum { HELD = 5, ROUNDS = 100 };

static pthread_mutex_t normal, errorcheck, recursive, many[HELD];

static void robust(pthread_mutex_t *mutex, int type)
{
    pthread_mutexattr_t attributes;
    int robustness;
    OK(pthread_mutexattr_init(&attributes));
    OK(pthread_mutexattr_settype(&attributes, type));
    OK(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
    OK(pthread_mutexattr_getrobust(&attributes, &robustness));
    EXPECT(robustness == PTHREAD_MUTEX_ROBUST);
    OK(pthread_mutex_init(mutex, &attributes));
    OK(pthread_mutexattr_destroy(&attributes));
}

static void *try_normal(void *unused)
{
    show("trylock by another thread", pthread_mutex_trylock(&normal));
    return unused;
}

static void *use(void *who)
{
    printf("%s\n", (const char *)who);
    struct timespec limit = time_in(CLOCK_REALTIME, 60000);
    OK(pthread_mutex_lock(&normal));
    join_thread(start_thread(try_normal, NULL));
    show("consistent, healthy", pthread_mutex_consistent(&normal));
    OK(pthread_mutex_unlock(&normal));
    OK(pthread_mutex_trylock(&normal));
    OK(pthread_mutex_unlock(&normal));
    OK(pthread_mutex_timedlock(&normal, &limit));
    OK(pthread_mutex_unlock(&normal));

    OK(pthread_mutex_lock(&errorcheck));
    show("lock twice, errorcheck", pthread_mutex_lock(&errorcheck));
    OK(pthread_mutex_unlock(&errorcheck));
    show("unlock twice, errorcheck", pthread_mutex_unlock(&errorcheck));

    OK(pthread_mutex_lock(&recursive));
    OK(pthread_mutex_lock(&recursive));
    OK(pthread_mutex_trylock(&recursive));
    OK(pthread_mutex_unlock(&recursive));
    OK(pthread_mutex_unlock(&recursive));
    OK(pthread_mutex_unlock(&recursive));
    show("unlock once too often, recursive", pthread_mutex_unlock(&recursive));

    for (int first = 0; first < HELD; first++) {
        for (int i = 0; i < HELD; i++)
            OK(pthread_mutex_lock(&many[i]));
        for (int i = 0; i < HELD; i++)
            OK(pthread_mutex_unlock(&many[(first + 2 * i) % HELD]));
    }
    return NULL;
}

/* Holds a mutex of its own while the others hold theirs. */
static void *hold_one(void *mutex)
{
    for (int i = 0; i < ROUNDS; i++) {
        OK(pthread_mutex_lock(mutex));
        sched_yield();
        OK(pthread_mutex_unlock(mutex));
    }
    return mutex;
}

int main(void)
{
    robust(&normal, PTHREAD_MUTEX_NORMAL);
    robust(&errorcheck, PTHREAD_MUTEX_ERRORCHECK);
    robust(&recursive, PTHREAD_MUTEX_RECURSIVE);
    for (int i = 0; i < HELD; i++)
        robust(&many[i], PTHREAD_MUTEX_NORMAL);

    join_thread(start_thread(use, "a thread"));
    join_thread(start_thread(use, "the next one"));
    use("main");

    pthread_t threads[HELD];
    for (int i = 0; i < HELD; i++)
        threads[i] = start_thread(hold_one, &many[i]);
    for (int i = 0; i < HELD; i++)
        join_thread(threads[i]);
    printf("%d threads, each with its own: done\n", HELD);

    OK(pthread_mutex_destroy(&normal));
    OK(pthread_mutex_destroy(&errorcheck));
    OK(pthread_mutex_destroy(&recursive));
    return 0;
}
