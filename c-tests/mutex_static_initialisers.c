/*
 * mutex_static_initialisers: mutexes that were never passed to
 * pthread_mutex_init have the type their initialiser names, and work between
 * threads.
 * Follows pthread_mutex_init(3).
 */
#include "lib/expect.h"

enum { THREADS = 4, ROUNDS = 500 };

static pthread_mutex_t normal = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t errorcheck = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
static pthread_mutex_t adaptive = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;

struct shared {
    pthread_mutex_t *mutex;
    long counter;
};

static void *count(void *argument)
{
    struct shared *shared = argument;
    for (int i = 0; i < ROUNDS; i++) {
        OK(pthread_mutex_lock(shared->mutex));
        long seen = shared->counter;
        if (i % 8 == 0)
            sched_yield();
        shared->counter = seen + 1;
        OK(pthread_mutex_unlock(shared->mutex));
    }
    return NULL;
}

static void contend(const char *name, pthread_mutex_t *mutex)
{
    struct shared shared = { mutex, 0 };
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = start_thread(count, &shared);
    for (int i = 0; i < THREADS; i++)
        join_thread(threads[i]);
    printf("%s: counted %ld\n", name, shared.counter);
    EXPECT(shared.counter == THREADS * ROUNDS);
}

int main(void)
{
    show("normal: lock", pthread_mutex_lock(&normal));
    show("normal: trylock again", pthread_mutex_trylock(&normal));
    show("normal: unlock", pthread_mutex_unlock(&normal));
    show("recursive: lock", pthread_mutex_lock(&recursive));
    show("recursive: lock again", pthread_mutex_lock(&recursive));
    show("recursive: unlock", pthread_mutex_unlock(&recursive));
    show("recursive: unlock again", pthread_mutex_unlock(&recursive));
    show("recursive: unlock too often", pthread_mutex_unlock(&recursive));
    show("errorcheck: lock", pthread_mutex_lock(&errorcheck));
    show("errorcheck: lock again", pthread_mutex_lock(&errorcheck));
    show("errorcheck: unlock", pthread_mutex_unlock(&errorcheck));
    show("errorcheck: unlock again", pthread_mutex_unlock(&errorcheck));
    show("adaptive: lock", pthread_mutex_lock(&adaptive));
    show("adaptive: trylock again", pthread_mutex_trylock(&adaptive));
    show("adaptive: unlock", pthread_mutex_unlock(&adaptive));

    contend("normal", &normal);
    contend("recursive", &recursive);
    contend("errorcheck", &errorcheck);
    contend("adaptive", &adaptive);
    return 0;
}
