/* While cancellation is disabled a request stays pending and wakes nobody;
 * once it is enabled, the next cancellation point acts on it:
 * pthread_setcancelstate(3).
 */
#include "lib/check.h"
#include <semaphore.h>

static int data[2];
static sem_t about_to_wait;

static const char *set_state(int state)
{
    int before;
    CHECK(pthread_setcancelstate(state, &before) == 0);
    return before == PTHREAD_CANCEL_ENABLE ? "enabled" : "disabled";
}

static void *disable_and_wait(void *unused)
{
    printf("at first %s\n", set_state(PTHREAD_CANCEL_DISABLE));
    printf("then %s\n", set_state(PTHREAD_CANCEL_DISABLE));
    CHECK(sem_post(&about_to_wait) == 0);
    CHECK(take(data[0]) == 'x');
    puts("read went on when cancelled, and got its byte");
    pthread_testcancel();
    CHECK(usleep(1) == 0);
    puts("no point acts while disabled");
    printf("then %s\n", set_state(PTHREAD_CANCEL_ENABLE));
    puts("enabling is no cancellation point");
    take(data[0]);
    CHECK(!"the call returned");
    return unused;
}

static void *exit_disabled(void *unused)
{
    (void)unused;
    set_state(PTHREAD_CANCEL_DISABLE);
    CHECK(sem_post(&about_to_wait) == 0);
    CHECK(take(data[0]) == 'y');
    return "its own value";
}

int main(void)
{
    CHECK(pipe(data) == 0 && sem_init(&about_to_wait, 0, 0) == 0);
    CHECK(pthread_setcancelstate(2, NULL) == EINVAL);

    pthread_t thread = start(disable_and_wait, NULL);
    CHECK(sem_wait(&about_to_wait) == 0);
    others_run();
    CHECK(pthread_cancel(thread) == 0);
    others_run();
    CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY);
    give(data[1], 'x');
    CHECK(join(thread) == PTHREAD_CANCELED);
    puts("enabled: cancelled");

    thread = start(exit_disabled, NULL);
    CHECK(sem_wait(&about_to_wait) == 0);
    CHECK(pthread_cancel(thread) == 0);
    give(data[1], 'y');
    printf("never enabled: %s\n", (char *)join(thread));
    return 0;
}
