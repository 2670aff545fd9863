/*
 * cond_static: a condition that was only statically initialised works from
 * its first use, whether that is a wait, a timed wait, a signal or a destroy.
 * Follows pthread_cond_init(3posix).
 */
#include "lib/expect.h"

struct flag {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    int set;
};

#define FLAG { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 }

static struct flag first_waited = FLAG, first_signalled = FLAG, first_timed = FLAG;

static void *set(void *argument)
{
    struct flag *flag = argument;
    OK(pthread_mutex_lock(&flag->mutex));
    flag->set = 1;
    OK(pthread_cond_signal(&flag->condition));
    OK(pthread_mutex_unlock(&flag->mutex));
    return NULL;
}

static void wait_for(struct flag *flag)
{
    OK(pthread_mutex_lock(&flag->mutex));
    while (!flag->set)
        OK(pthread_cond_wait(&flag->condition, &flag->mutex));
    OK(pthread_mutex_unlock(&flag->mutex));
}

static void timed_wait_for(struct flag *flag)
{
    struct timespec limit = time_in(CLOCK_REALTIME, 20000);
    OK(pthread_mutex_lock(&flag->mutex));
    while (!flag->set)
        OK(pthread_cond_timedwait(&flag->condition, &flag->mutex, &limit));
    OK(pthread_mutex_unlock(&flag->mutex));
}

int main(void)
{
    /* The creator holds the mutex, so the setter comes after the wait. */
    OK(pthread_mutex_lock(&first_waited.mutex));
    pthread_t thread = start_thread(set, &first_waited);
    while (!first_waited.set)
        OK(pthread_cond_wait(&first_waited.condition, &first_waited.mutex));
    OK(pthread_mutex_unlock(&first_waited.mutex));
    join_thread(thread);
    puts("first used by a wait");

    set(&first_signalled);
    wait_for(&first_signalled);
    puts("first used by a signal");

    thread = start_thread(set, &first_timed);
    timed_wait_for(&first_timed);
    join_thread(thread);
    puts("first used by a timed wait or a signal");

    pthread_cond_t unused = PTHREAD_COND_INITIALIZER;
    show("destroy unused", pthread_cond_destroy(&unused));
    show("destroy used", pthread_cond_destroy(&first_waited.condition));
    return 0;
}
