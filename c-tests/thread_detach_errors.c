/* A thread that is detached, by itself, by its creator or by its attributes,
 * cannot be detached or joined; one whose joiners gave up can; a thread that has
 * ended can be detached, and its handle is still one until then:
 * pthread_detach(3), pthread_timedjoin_np(3), pthread_kill(3), NOTES.
 */
#include "lib/check.h"
#include "lib/deadline.h"
#include <semaphore.h>

static int quiet[2];
static sem_t known, taken;
static const struct timespec past = { 1, 0 };

static void *read_byte(void *value)
{
    CHECK(sem_post(&known) == 0);
    CHECK(take(quiet[0]) == 'x');
    CHECK(sem_post(&taken) == 0);
    return value;
}

static void *detach_itself(void *unused)
{
    printf("by itself: %s", errno_name(pthread_detach(pthread_self())));
    printf(", again: %s\n", errno_name(pthread_detach(pthread_self())));
    return read_byte(unused);
}

/* The thread waits for its byte, so its handle is good. */
static void refused(const char *name, pthread_t thread)
{
    void *value = "untouched";
    CHECK(sem_wait(&known) == 0);
    printf("%s, detach: %s", name, errno_name(pthread_detach(thread)));
    printf(", join: %s", errno_name(pthread_join(thread, &value)));
    printf(", timedjoin: %s", errno_name(pthread_timedjoin_np(thread, &value, &past)));
    printf(", clockjoin: %s, %s\n",
           errno_name(pthread_clockjoin_np(thread, &value, CLOCK_MONOTONIC, &past)),
           (char *)value);
    give(quiet[1], 'x');
    CHECK(sem_wait(&taken) == 0);
}

static void *give_up(void *thread)
{
    struct timespec limit = time_in(CLOCK_REALTIME, 5);
    return (void *)(long)pthread_timedjoin_np(*(pthread_t *)thread, NULL, &limit);
}

static pid_t ended;

static void *end(void *unused)
{
    ended = gettid();
    return unused;
}

int main(void)
{
    CHECK(pipe(quiet) == 0 && sem_init(&known, 0, 0) == 0);
    CHECK(sem_init(&taken, 0, 0) == 0);
    pthread_t thread = start(detach_itself, NULL);
    refused("by itself", thread);

    thread = start(read_byte, NULL);
    CHECK(pthread_detach(thread) == 0);
    refused("by its creator", thread);

    pthread_attr_t attributes;
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0);
    CHECK(pthread_create(&thread, &attributes, read_byte, NULL) == 0);
    refused("from the start", thread);

    thread = start(read_byte, "its value");
    CHECK(sem_wait(&known) == 0);
    for (int i = 0; i < 10; i++)
        CHECK(join(start(give_up, &thread)) == (void *)ETIMEDOUT);
    give(quiet[1], 'x');
    printf("ten gave up: %s\n", (char *)join(thread));

    /* The kernel, too, has to be through with it. */
    thread = start(end, NULL);
    while (!__atomic_load_n(&ended, __ATOMIC_SEQ_CST) || tgkill(getpid(), ended, 0) == 0)
        sched_yield();
    printf("ended, kill: %s", errno_name(pthread_kill(thread, SIGTERM)));
    printf(", cancel: %s", errno_name(pthread_cancel(thread)));
    printf(", detach: %s\n", errno_name(pthread_detach(thread)));
    return 0;
}
