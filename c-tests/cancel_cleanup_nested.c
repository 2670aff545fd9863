/* Cleanup handlers pushed in nested calls run from the last to the first when
 * the thread is cancelled, before the destructors of its keys; pop(1) runs and
 * pop(0) drops one: pthread_cleanup_push(3), pthread_key_create(3).
 */
#include "lib/check.h"
#include <semaphore.h>

static int quiet[2], rest[2];
static sem_t inside;
static pthread_key_t key;

static void say(void *text)
{
    printf("  %s\n", (char *)text);
}

/* A handler may itself wait, and may push handlers. */
static void wait_then_say(void *text)
{
    pthread_cleanup_push(say, "pushed by a handler");
    give(rest[1], 'r');
    CHECK(take(rest[0]) == 'r');
    pthread_cleanup_pop(1);
    say(text);
}

__attribute__((noinline)) static void innermost(void)
{
    pthread_cleanup_push(say, "innermost");
    pthread_cleanup_push(say, "popped without running: wrong");
    pthread_cleanup_pop(0);
    pthread_cleanup_push(say, "popped and run");
    pthread_cleanup_pop(1);
    CHECK(sem_post(&inside) == 0);
    take(quiet[0]);
    puts("  the call returned: wrong");
    pthread_cleanup_pop(0);
}

__attribute__((noinline)) static void middle(int depth)
{
    char text[20];
    snprintf(text, sizeof text, "middle %d", depth);
    pthread_cleanup_push(say, text);
    if (depth == 0)
        innermost();
    else
        middle(depth - 1);
    pthread_cleanup_pop(1);
}

static void *outermost(void *unused)
{
    CHECK(pthread_setspecific(key, "key") == 0);
    pthread_cleanup_push(say, "outermost");
    pthread_cleanup_push(wait_then_say, "waited");
    middle(2);
    pthread_cleanup_pop(1);
    pthread_cleanup_pop(1);
    return unused;
}

static void *exits(void *unused)
{
    pthread_cleanup_push(say, "at pthread_exit");
    pthread_exit("exit value");
    pthread_cleanup_pop(0);
    return unused;
}

int main(void)
{
    CHECK(pipe(quiet) == 0 && pipe(rest) == 0);
    CHECK(sem_init(&inside, 0, 0) == 0);
    CHECK(pthread_key_create(&key, say) == 0);
    puts("cancelled:");
    pthread_t thread = start(outermost, NULL);
    CHECK(sem_wait(&inside) == 0);
    others_run();
    CHECK(pthread_cancel(thread) == 0);
    CHECK(join(thread) == PTHREAD_CANCELED);
    puts("exits:");
    CHECK(strcmp(join(start(exits, NULL)), "exit value") == 0);
    return 0;
}
