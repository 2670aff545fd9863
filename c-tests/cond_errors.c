/*
 * cond_errors: waiting with an error-checking mutex the caller does not own is
 * EPERM, for an unlocked mutex and for one another thread owns; the condition
 * works afterwards.
 * Follows pthread_cond_wait(3posix).
 */
#include "lib/gate.h"
#include "lib/mutex_of_type.h"

static pthread_mutex_t mutex;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static struct gate held, gate;
static int ready;

static void *hold(void *unused)
{
    OK(pthread_mutex_lock(&mutex));
    gate_open(&held);
    gate_wait(&gate);
    OK(pthread_mutex_unlock(&mutex));
    return unused;
}

static void *make_ready(void *unused)
{
    OK(pthread_mutex_lock(&mutex));
    ready = 1;
    OK(pthread_cond_broadcast(&condition));
    OK(pthread_mutex_unlock(&mutex));
    return unused;
}

static void wait_unowned(const char *who)
{
    struct timespec limit = time_in(CLOCK_REALTIME, 20000);
    printf("%s\n", who);
    show("  wait", pthread_cond_wait(&condition, &mutex));
    show("  timedwait", pthread_cond_timedwait(&condition, &mutex, &limit));
}

int main(void)
{
    held = gate_make();
    gate = gate_make();
    mutex_of_type(&mutex, PTHREAD_MUTEX_ERRORCHECK);
    wait_unowned("unlocked");
    pthread_t thread = start_thread(hold, NULL);
    gate_wait(&held);
    wait_unowned("owned by another");
    gate_open(&gate);
    join_thread(thread);

    OK(pthread_mutex_lock(&mutex));
    thread = start_thread(make_ready, NULL);
    while (!ready)
        OK(pthread_cond_wait(&condition, &mutex));
    OK(pthread_mutex_unlock(&mutex));
    join_thread(thread);
    puts("works afterwards");
    show("destroy", pthread_cond_destroy(&condition));
    return 0;
}
