/*
 * mutex_trylock: trylock never waits: EBUSY while the mutex is held, by the
 * caller itself or by a thread that blocks; success when it is free.
 * Follows pthread_mutex_trylock(3posix).
 */
#include "lib/expect.h"
#include "lib/mutex_holder.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct mutex_holder holder;

int main(void)
{
    show("free", pthread_mutex_trylock(&mutex));
    show("held by the caller", pthread_mutex_trylock(&mutex));
    OK(pthread_mutex_unlock(&mutex));

    start_holder(&holder, &mutex);
    show("held by a blocked thread", pthread_mutex_trylock(&mutex));
    let_go(&holder);
    while (pthread_mutex_trylock(&mutex) == EBUSY)
        sched_yield();
    puts("got it by trying again");
    OK(pthread_mutex_unlock(&mutex));
    join_holder(&holder);
    show("free again", pthread_mutex_trylock(&mutex));
    return 0;
}
