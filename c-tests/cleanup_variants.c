/* Cleanup handlers by other ways than calls of C programs compiled plainly: with
 * -fexceptions they are attributes of variables, old programs call
 * _pthread_cleanup_push, and the _defer_np pair also makes cancellation deferred
 * meanwhile. All run in order, by cancellation and by pthread_exit:
 * pthread_cleanup_push(3), pthread_cleanup_push_defer_np(3).
 * test: cflags=-fexceptions
 */
#include "lib/check.h"
#include <semaphore.h>

/* The interface of programs linked with LinuxThreads and early glibc. */
extern void _pthread_cleanup_push(struct _pthread_cleanup_buffer *, void (*)(void *), void *);
extern void _pthread_cleanup_pop(struct _pthread_cleanup_buffer *, int);

static int quiet[2];
static sem_t about_to_wait;
static pthread_barrier_t cancelled;

static void say(void *text)
{
    printf("  %s\n", (char *)text);
}

static void leave(void *by_exit)
{
    CHECK(sem_post(&about_to_wait) == 0);
    if (by_exit)
        pthread_exit("exit value");
    take(quiet[0]);
    CHECK(!"the call returned");
}

static void drop(int *variable)
{
    printf("  a variable's own, %d\n", *variable);
}

__attribute__((noinline)) static void by_attributes(void *by_exit)
{
    __attribute__((cleanup(drop))) int variable = 1;
    pthread_cleanup_push(say, "pushed");
    __attribute__((cleanup(drop))) int inner = 2;
    pthread_cleanup_push(say, "dropped: wrong");
    pthread_cleanup_pop(0);
    pthread_cleanup_push(say, "popped and run");
    pthread_cleanup_pop(1);
    leave(by_exit);
    inner++;
    pthread_cleanup_pop(0);
    variable++;
}

static void by_old_calls(void *by_exit)
{
    struct _pthread_cleanup_buffer outer, dropped, inner;
    _pthread_cleanup_push(&outer, say, "old, outer");
    _pthread_cleanup_push(&dropped, say, "old, dropped: wrong");
    _pthread_cleanup_pop(&dropped, 0);
    _pthread_cleanup_push(&inner, say, "old, inner");
    by_attributes(by_exit);
}

/* Asynchronous outside; within, a request waits for a point. */
static void by_deferred(void *by_exit)
{
    int before;
    CHECK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before) == 0);
    pthread_cleanup_push_defer_np(say, "deferred");
    if (!by_exit) {
        CHECK(sem_post(&about_to_wait) == 0);
        pthread_barrier_wait(&cancelled);
        puts("  not cancelled at a barrier");
        pthread_testcancel();
        CHECK(!"cancelled");
    }
    pthread_cleanup_pop_restore_np(1);
    CHECK(pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &before) == 0);
    CHECK(before == PTHREAD_CANCEL_ASYNCHRONOUS);
    pthread_cleanup_push_defer_np(say, "deferred, at exit");
    leave(by_exit);
    pthread_cleanup_pop_restore_np(0);
}

static const struct way {
    const char *name;
    void (*body)(void *);
} ways[] = {
    { "attributes", by_attributes },
    { "old calls", by_old_calls },
    { "deferred", by_deferred },
};

static const struct way *way;

static void *run(void *by_exit)
{
    way->body(by_exit);
    CHECK(!"left");
    return NULL;
}

int main(void)
{
    CHECK(pipe(quiet) == 0 && sem_init(&about_to_wait, 0, 0) == 0);
    CHECK(pthread_barrier_init(&cancelled, NULL, 2) == 0);
    for (size_t i = 0; i < COUNT(ways); i++) {
        way = &ways[i];
        printf("%s, cancelled\n", way->name);
        pthread_t thread = start(run, NULL);
        CHECK(sem_wait(&about_to_wait) == 0);
        if (way->body != by_deferred)
            others_run();
        CHECK(pthread_cancel(thread) == 0);
        if (way->body == by_deferred)
            pthread_barrier_wait(&cancelled);
        CHECK(join(thread) == PTHREAD_CANCELED);

        printf("%s, exits\n", way->name);
        thread = start(run, "yes");
        CHECK(sem_wait(&about_to_wait) == 0);
        printf("  %s\n", (char *)join(thread));
    }
    return 0;
}
