/* A thread that cancels itself goes on to its next cancellation point, or, with
 * the asynchronous type, ends at once: pthread_cancel(3).
 */
#include "lib/check.h"

static void say(void *text)
{
    printf("  cleanup %s\n", (char *)text);
}

static void *deferred(void *unused)
{
    pthread_cleanup_push(say, "deferred");
    CHECK(pthread_cancel(pthread_self()) == 0);
    CHECK(pthread_cancel(pthread_self()) == 0);
    puts("  pthread_cancel returned");
    pthread_testcancel();
    CHECK(!"cancelled");
    pthread_cleanup_pop(0);
    return unused;
}

static void *asynchronous(void *unused)
{
    pthread_cleanup_push(say, "asynchronous");
    CHECK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL) == 0);
    puts("  cancels itself");
    pthread_cancel(pthread_self());
    CHECK(!"cancelled");
    pthread_cleanup_pop(0);
    return unused;
}

static void *exits_first(void *unused)
{
    pthread_cleanup_push(say, "at exit");
    pthread_cancel(pthread_self());
    pthread_exit("exit value");
    pthread_cleanup_pop(0);
    return unused;
}

static void cancel_in_cleanup_handler(void *unused)
{
    (void)unused;
    CHECK(pthread_cancel(pthread_self()) == 0);
    pthread_testcancel();
    CHECK(usleep(1) == 0);
    puts("  a thread that ends is not cancelled");
}

static void *cancelled_while_ending(void *unused)
{
    pthread_cleanup_push(cancel_in_cleanup_handler, NULL);
    pthread_exit("exit value");
    pthread_cleanup_pop(0);
    return unused;
}

int main(void)
{
    puts("deferred");
    CHECK(join(start(deferred, NULL)) == PTHREAD_CANCELED);
    puts("asynchronous");
    CHECK(join(start(asynchronous, NULL)) == PTHREAD_CANCELED);
    puts("exits first");
    printf("  %s\n", (char *)join(start(exits_first, NULL)));
    puts("cancelled while ending");
    printf("  %s\n", (char *)join(start(cancelled_while_ending, NULL)));
    return 0;
}
