/* pthread_testcancel does nothing without a request, and acts on one; a thread
 * that never reaches a point is not cancelled: pthread_testcancel(3).
 */
#include "lib/check.h"
#include <semaphore.h>

static sem_t started;
static int requested, after_request;

static void *loop_with_tests(void *unused)
{
    for (int i = 0; i < 1000; i++)
        pthread_testcancel();
    CHECK(sem_post(&started) == 0);
    for (;;) {
        pthread_testcancel();
        sched_yield();
    }
    return unused;
}

static void *loop_without(void *unused)
{
    (void)unused;
    CHECK(sem_post(&started) == 0);
    while (!__atomic_load_n(&requested, __ATOMIC_SEQ_CST))
        sched_yield();
    for (int i = 0; i < 1000; i++) {
        after_request++;
        sched_yield();
    }
    return "never cancelled";
}

static void *test_late(void *unused)
{
    loop_without(NULL);
    pthread_testcancel();
    return unused;
}

static pthread_t start_and_cancel(thread_body *body)
{
    requested = after_request = 0;
    pthread_t thread = start(body, NULL);
    CHECK(sem_wait(&started) == 0);
    CHECK(pthread_cancel(thread) == 0);
    __atomic_store_n(&requested, 1, __ATOMIC_SEQ_CST);
    return thread;
}

int main(void)
{
    CHECK(sem_init(&started, 0, 0) == 0);
    pthread_testcancel();
    puts("main: no request");
    CHECK(join(start_and_cancel(loop_with_tests)) == PTHREAD_CANCELED);
    puts("tests: cancelled");
    void *result = join(start_and_cancel(loop_without));
    printf("no test: %s, %d steps\n", (char *)result, after_request);
    CHECK(join(start_and_cancel(test_late)) == PTHREAD_CANCELED);
    printf("a late test: cancelled after %d steps\n", after_request);
    return 0;
}
