/* A thread cancelled in a condition wait holds the mutex again when its
 * cleanup handlers run: pthread_cond_wait(3), pthread_cancel(3).
 *
 * That it takes no signal from another waiter cannot be compared: glibc 2.36
 * loses it now and then (glibc bug 25847).
 */
#include "lib/cond_waits.h"
#include "lib/expect.h"
#include "lib/mutexes.h"

static pthread_mutex_t mutex;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_cond_t all_here = PTHREAD_COND_INITIALIZER;
static int here, handled;

static void check_and_unlock(void *unused)
{
    (void)unused;
    handled++;
    EXPECT(pthread_mutex_lock(&mutex) == EDEADLK);
    OK(pthread_mutex_unlock(&mutex));
}

static void *wait_in_vain(void *way)
{
    OK(pthread_mutex_lock(&mutex));
    pthread_cleanup_push(check_and_unlock, NULL);
    here++;
    OK(pthread_cond_signal(&all_here));
    for (;;)
        OK(((const struct cond_wait *)way)->wait(&condition, &mutex));
    pthread_cleanup_pop(1);
}

/* Comes back with the mutex locked and so many threads in the wait. */
static void lock_when_here(int count)
{
    OK(pthread_mutex_lock(&mutex));
    while (here < count)
        OK(pthread_cond_wait(&all_here, &mutex));
    here = 0;
}

static void cancel_one(const struct cond_wait *way, int hold)
{
    handled = 0;
    pthread_t thread = start_thread(wait_in_vain, (void *)way);
    lock_when_here(1);
    if (hold) {
        OK(pthread_cancel(thread));
        sched_yield();
        EXPECT(handled == 0);
        OK(pthread_mutex_unlock(&mutex));
    } else {
        OK(pthread_mutex_unlock(&mutex));
        OK(pthread_cancel(thread));
    }
    EXPECT(join_thread(thread) == PTHREAD_CANCELED);
    printf("%s, mutex %s: handler held it\n", way->name, hold ? "taken" : "free");
    EXPECT(handled == 1);
}

int main(void)
{
    make_mutex(&mutex, PTHREAD_MUTEX_ERRORCHECK, 0);
    for (int i = 0; i < COND_WAITS; i++) {
        cancel_one(&cond_waits[i], 0);
        cancel_one(&cond_waits[i], 1);
    }
    return 0;
}
