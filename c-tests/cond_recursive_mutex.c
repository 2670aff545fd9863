/* A condition wait with a recursive mutex that is locked twice gives up one
 * level only, so nobody else gets the mutex meanwhile; locked once it works like
 * any other, and so does an inheriting one:
 * pthread_cond_wait(3posix), pthread_mutexattr_settype(3).
 */
#include "lib/expect.h"
#include "lib/mutexes.h"

#include <sched.h>
#include <semaphore.h>

static pthread_mutex_t mutex;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static sem_t locked;
static int levels, woken, flag;

static void *wait_at_depth(void *unused)
{
    for (int i = 0; i < levels; i++)
        OK(pthread_mutex_lock(&mutex));
    SYS(sem_post(&locked));
    while (!__atomic_load_n(&flag, __ATOMIC_SEQ_CST))
        OK(pthread_cond_wait(&condition, &mutex));
    __atomic_store_n(&woken, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < levels; i++)
        OK(pthread_mutex_unlock(&mutex));
    EXPECT(pthread_mutex_unlock(&mutex) == EPERM);
    return unused;
}

/* Nobody else can lock it, so the flag is set and the signal sent without. */
static void twice(void)
{
    struct timespec limit = time_in(CLOCK_REALTIME, 20);
    levels = 2;
    flag = woken = 0;
    pthread_t thread = start_thread(wait_at_depth, NULL);
    SYS(sem_wait(&locked));
    show("locked twice: timedlock", pthread_mutex_timedlock(&mutex, &limit));
    show("locked twice: trylock", pthread_mutex_trylock(&mutex));
    __atomic_store_n(&flag, 1, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&woken, __ATOMIC_SEQ_CST)) {
        OK(pthread_cond_signal(&condition));
        sched_yield();
    }
    join_thread(thread);
    show("afterwards: trylock", pthread_mutex_trylock(&mutex));
    OK(pthread_mutex_unlock(&mutex));
}

/* Whoever has the mutex knows that the other waits. */
static void once(const char *name)
{
    levels = 1;
    flag = woken = 0;
    pthread_t thread = start_thread(wait_at_depth, NULL);
    SYS(sem_wait(&locked));
    OK(pthread_mutex_lock(&mutex));
    flag = 1;
    OK(pthread_cond_signal(&condition));
    OK(pthread_mutex_unlock(&mutex));
    join_thread(thread);
    struct timespec limit = time_in(CLOCK_REALTIME, 20);
    OK(pthread_mutex_lock(&mutex));
    int error = pthread_cond_timedwait(&condition, &mutex, &limit);
    OK(pthread_mutex_unlock(&mutex));
    printf("%s: woken, then %s\n", name, errno_name(error));
}

static void inheriting(void)
{
    pthread_mutexattr_t attributes;
    OK(pthread_mutexattr_init(&attributes));
    OK(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK));
    OK(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT));
    OK(pthread_mutex_init(&mutex, &attributes));
    OK(pthread_mutexattr_destroy(&attributes));
}

int main(void)
{
    SYS(sem_init(&locked, 0, 0));
    make_mutex(&mutex, PTHREAD_MUTEX_RECURSIVE, 0);
    twice();
    once("recursive");
    OK(pthread_mutex_destroy(&mutex));
    make_mutex(&mutex, PTHREAD_MUTEX_ERRORCHECK, 0);
    once("errorcheck");
    OK(pthread_mutex_destroy(&mutex));
    inheriting();
    once("errorcheck, inheriting");
    OK(pthread_mutex_destroy(&mutex));
    return 0;
}
