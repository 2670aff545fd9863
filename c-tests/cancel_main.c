/* The main thread can be cancelled like any other: its cleanup handlers run,
 * it can be joined, and the process goes on until its last thread ends, with
 * status 0: pthread_cancel(3), pthread_exit(3).
 */
#include "lib/check.h"
#include <semaphore.h>

enum { THREADS = 4 };

static pthread_t main_thread;
static int quiet[2], gate[2];
static sem_t about_to_wait;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int finished;

static void say(void *text)
{
    puts(text);
}

static void at_exit(void)
{
    printf("exit handler, %d threads finished\n", finished);
}

static void *finish(void *unused)
{
    CHECK(take(gate[0]) == 'g');
    CHECK(pthread_mutex_lock(&mutex) == 0);
    printf("thread %d finishes\n", ++finished);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return unused;
}

static void *cancel_main(void *unused)
{
    CHECK(sem_wait(&about_to_wait) == 0);
    others_run();
    CHECK(pthread_cancel(main_thread) == 0);
    CHECK(join(main_thread) == PTHREAD_CANCELED);
    puts("main was cancelled");
    others_run();
    for (int i = 0; i < THREADS; i++)
        give(gate[1], 'g');
    return unused;
}

int main(void)
{
    CHECK(pipe(quiet) == 0 && pipe(gate) == 0);
    CHECK(sem_init(&about_to_wait, 0, 0) == 0 && atexit(at_exit) == 0);
    main_thread = pthread_self();
    for (int i = 0; i < THREADS; i++)
        start(finish, NULL);
    start(cancel_main, NULL);
    pthread_cleanup_push(say, "main's cleanup handler");
    CHECK(sem_post(&about_to_wait) == 0);
    take(quiet[0]);
    CHECK(!"the call returned");
    pthread_cleanup_pop(0);
    return 1;
}
