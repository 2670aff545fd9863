/* Cancelling a thread that has ended and was not joined returns 0 and does not
 * change its value: pthread_cancel(3).
 */
#include "lib/check.h"
#include <semaphore.h>

static sem_t about_to_end;

/* Disabled, so that the request is too late even if the thread is slow to end. */
static void *end(void *value)
{
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL) == 0);
    CHECK(sem_post(&about_to_end) == 0);
    return value;
}

static void *end_by_exit(void *value)
{
    end(NULL);
    pthread_exit(value);
}

static void cancel_ended(thread_body *body, const char *name)
{
    pthread_t thread = start(body, "its value");
    CHECK(sem_wait(&about_to_end) == 0);
    others_run();
    for (int i = 0; i < 3; i++)
        CHECK(pthread_cancel(thread) == 0);
    others_run();
    CHECK(pthread_cancel(thread) == 0);
    printf("%s: %s\n", name, (char *)join(thread));
}

int main(void)
{
    CHECK(sem_init(&about_to_end, 0, 0) == 0);
    cancel_ended(end, "return");
    cancel_ended(end_by_exit, "pthread_exit");
    return 0;
}
