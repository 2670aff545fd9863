/*
 * cond_errors: waiting with an error-checking mutex the caller does not own is
 * EPERM, for an unlocked mutex and for one another thread owns; the condition
 * works afterwards.
 * Follows pthread_cond_wait(3posix).
 */
#include "lib/expect.h"
#include "lib/mutex_holder.h"
#include "lib/mutexes.h"

static pthread_mutex_t mutex;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static struct mutex_holder holder;
static int ready;

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
    make_mutex(&mutex, PTHREAD_MUTEX_ERRORCHECK, 0);
    wait_unowned("unlocked");
    start_holder(&holder, &mutex);
    wait_unowned("owned by another");
    let_go(&holder);
    join_holder(&holder);

    OK(pthread_mutex_lock(&mutex));
    pthread_t thread = start_thread(make_ready, NULL);
    while (!ready)
        OK(pthread_cond_wait(&condition, &mutex));
    OK(pthread_mutex_unlock(&mutex));
    join_thread(thread);
    puts("works afterwards");
    show("destroy", pthread_cond_destroy(&condition));
    return 0;
}
