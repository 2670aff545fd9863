/*
 * mutex_recursive: the owner can lock again, others wait until it has
 * unlocked as often, and a non-owner's unlock is EPERM.
 * Follows pthread_mutexattr_settype(3), pthread_mutex_lock(3posix).
 */
#include "lib/expect.h"
#include "lib/gate.h"
#include "lib/mutexes.h"

enum { DEPTH = 50 };

static pthread_mutex_t mutex;
static struct gate tried;
static int owner_done;

static void *contend(void *unused)
{
    (void)unused;
    show("other thread: trylock", pthread_mutex_trylock(&mutex));
    show("other thread: unlock", pthread_mutex_unlock(&mutex));
    gate_open(&tried);
    OK(pthread_mutex_lock(&mutex));
    int done = owner_done;
    OK(pthread_mutex_unlock(&mutex));
    return (void *)(intptr_t)done;
}

int main(void)
{
    tried = gate_make();
    make_mutex(&mutex, PTHREAD_MUTEX_RECURSIVE, 0);
    for (int i = 0; i < DEPTH; i++)
        OK(pthread_mutex_lock(&mutex));
    show("owner: trylock", pthread_mutex_trylock(&mutex));

    pthread_t thread = start_thread(contend, NULL);
    gate_wait(&tried);
    for (int i = 0; i < DEPTH; i++) {
        OK(pthread_mutex_unlock(&mutex));
        sched_yield();
    }
    owner_done = 1;
    show("owner: last unlock", pthread_mutex_unlock(&mutex));
    int waited = join_thread(thread) != NULL;
    printf("other thread waited for all %d unlocks: %s\n", DEPTH + 1, waited ? "yes" : "no");
    EXPECT(waited);
    show("unlock once more", pthread_mutex_unlock(&mutex));
    show("destroy", pthread_mutex_destroy(&mutex));
    return 0;
}
