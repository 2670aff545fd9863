/* A detached thread is cancelled like any other: its cleanup handlers and the
 * destructors of its keys run: pthread_cancel(3), pthread_detach(3).
 */
#include "lib/check.h"
#include <semaphore.h>

enum { ROUNDS = 20 };

static int quiet[2], order;
static sem_t about_to_wait, ended;
static pthread_key_t key;

static void clean_up(void *order_seen)
{
    *(int *)order_seen = ++order;
}

static void destroy(void *order_seen)
{
    *(int *)order_seen = ++order;
    CHECK(sem_post(&ended) == 0);
}

static int cleanup_order, destructor_order;

static void *wait_for_ever(void *detach_self)
{
    if (detach_self)
        CHECK(pthread_detach(pthread_self()) == 0);
    CHECK(pthread_setspecific(key, &destructor_order) == 0);
    pthread_cleanup_push(clean_up, &cleanup_order);
    CHECK(sem_post(&about_to_wait) == 0);
    take(quiet[0]);
    CHECK(!"the call returned");
    pthread_cleanup_pop(0);
    return NULL;
}

static void cancel_detached(int detach_self)
{
    pthread_attr_t attributes;
    pthread_t thread;
    order = 0;
    CHECK(pthread_attr_init(&attributes) == 0);
    if (!detach_self)
        CHECK(pthread_attr_setdetachstate(&attributes,
                                          PTHREAD_CREATE_DETACHED) == 0);
    CHECK(pthread_create(&thread, &attributes, wait_for_ever,
                         detach_self ? "yes" : NULL) == 0);
    CHECK(pthread_attr_destroy(&attributes) == 0);
    CHECK(sem_wait(&about_to_wait) == 0);
    CHECK(pthread_cancel(thread) == 0);
    CHECK(sem_wait(&ended) == 0);
    CHECK(cleanup_order == 1 && destructor_order == 2);
}

int main(void)
{
    CHECK(pipe(quiet) == 0 && pthread_key_create(&key, destroy) == 0);
    CHECK(sem_init(&about_to_wait, 0, 0) == 0 && sem_init(&ended, 0, 0) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        cancel_detached(0);
        cancel_detached(1);
    }
    printf("%d threads: cleanup %d, key %d\n", 2 * ROUNDS, cleanup_order,
           destructor_order);
    others_run();
    return 0;
}
