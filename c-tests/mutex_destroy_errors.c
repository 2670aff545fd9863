/*
 * mutex_destroy_errors: destroying a locked mutex is EBUSY and leaves it
 * usable; an unlocked one can be destroyed and initialised anew.
 * Follows pthread_mutex_destroy(3posix), pthread_mutexattr_settype(3posix).
 */
#include "lib/expect.h"
#include "lib/mutex_holder.h"
#include "lib/mutexes.h"

static pthread_mutex_t mutex;
static struct mutex_holder holder;

int main(void)
{
    OK(pthread_mutex_init(&mutex, NULL));
    start_holder(&holder, &mutex);
    show("destroy, held by another", pthread_mutex_destroy(&mutex));
    let_go(&holder);
    join_holder(&holder);
    show("lock afterwards", pthread_mutex_lock(&mutex));
    show("destroy, held by the caller", pthread_mutex_destroy(&mutex));
    show("unlock", pthread_mutex_unlock(&mutex));
    show("destroy, free", pthread_mutex_destroy(&mutex));
    make_mutex(&mutex, PTHREAD_MUTEX_RECURSIVE, 0);
    OK(pthread_mutex_lock(&mutex));
    show("initialised anew as recursive, lock twice", pthread_mutex_lock(&mutex));

    pthread_mutexattr_t attributes;
    OK(pthread_mutexattr_init(&attributes));
    show("unknown type", pthread_mutexattr_settype(&attributes, 99));
    return 0;
}
