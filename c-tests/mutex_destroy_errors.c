/*
 * mutex_destroy_errors: destroying a locked mutex is EBUSY and leaves it
 * usable; an unlocked one can be destroyed and initialised anew.
 * Follows pthread_mutex_destroy(3posix), pthread_mutexattr_settype(3posix).
 */
#include "lib/gate.h"
#include "lib/mutex_of_type.h"

static pthread_mutex_t mutex;
static struct gate held, gate;

static void *hold(void *unused)
{
    OK(pthread_mutex_lock(&mutex));
    gate_open(&held);
    gate_wait(&gate);
    OK(pthread_mutex_unlock(&mutex));
    return unused;
}

int main(void)
{
    held = gate_make();
    gate = gate_make();
    OK(pthread_mutex_init(&mutex, NULL));
    pthread_t thread = start_thread(hold, NULL);
    gate_wait(&held);
    show("destroy, held by another", pthread_mutex_destroy(&mutex));
    gate_open(&gate);
    join_thread(thread);
    show("lock afterwards", pthread_mutex_lock(&mutex));
    show("destroy, held by the caller", pthread_mutex_destroy(&mutex));
    show("unlock", pthread_mutex_unlock(&mutex));
    show("destroy, free", pthread_mutex_destroy(&mutex));
    mutex_of_type(&mutex, PTHREAD_MUTEX_RECURSIVE);
    OK(pthread_mutex_lock(&mutex));
    show("initialised anew as recursive, lock twice", pthread_mutex_lock(&mutex));

    pthread_mutexattr_t attributes;
    OK(pthread_mutexattr_init(&attributes));
    show("unknown type", pthread_mutexattr_settype(&attributes, 99));
    return 0;
}
