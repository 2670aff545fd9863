/*
 * thread_many: 1000 threads are alive at once, all blocked on one condition,
 * then released together and joined.
 * Follows pthread_create(3), pthread_cond_broadcast(3).
 */
#include "lib/expect.h"

enum { THREADS = 1000 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_here = PTHREAD_COND_INITIALIZER;
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static int here;
static int go;

static void *wait_for_release(void *number)
{
    pthread_mutex_lock(&mutex);
    if (++here == THREADS)
        pthread_cond_signal(&all_here);
    while (!go)
        pthread_cond_wait(&released, &mutex);
    here--;
    pthread_mutex_unlock(&mutex);
    return number;
}

int main(void)
{
    static pthread_t threads[THREADS];
    for (intptr_t i = 0; i < THREADS; i++)
        threads[i] = start_thread(wait_for_release, (void *)i);

    pthread_mutex_lock(&mutex);
    while (here < THREADS)
        pthread_cond_wait(&all_here, &mutex);
    printf("alive at once: %d\n", here);
    go = 1;
    pthread_cond_broadcast(&released);
    pthread_mutex_unlock(&mutex);

    for (intptr_t i = 0; i < THREADS; i++)
        EXPECT((intptr_t)join_thread(threads[i]) == i);
    printf("left behind: %d\n", here);
    EXPECT(here == 0);
    return 0;
}
