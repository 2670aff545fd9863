/* Blocking reads and writes on an eventfd, and reads on a timerfd and an
 * inotify descriptor, park only their thread: eventfd(2), timerfd_create(2),
 * inotify(7).
 */
#include "lib/check.h"
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>

static void *read_event(void *argument)
{
    eventfd_t value;
    CHECK(eventfd_read(*(int *)argument, &value) == 0);
    return (void *)value;
}

static void *write_event(void *argument)
{
    CHECK(eventfd_write(*(int *)argument, 5) == 0);
    return NULL;
}

static void *read_timer(void *argument)
{
    uint64_t count;
    CHECK(read(*(int *)argument, &count, sizeof count) == sizeof count);
    return (void *)count;
}

static void *read_change(void *argument)
{
    char buffer[sizeof(struct inotify_event) + NAME_MAX + 1];
    CHECK(read(*(int *)argument, buffer, sizeof buffer) > 0);
    return NULL;
}

int main(void)
{
    eventfd_t value;
    int event = eventfd(0, 0);
    pthread_t thread = start(read_event, &event);
    others_run();
    CHECK(eventfd_write(event, 42) == 0);
    CHECK(join(thread) == (void *)42);
    puts("eventfd: read waits");

    CHECK(eventfd_write(event, 0xfffffffffffffffe) == 0);
    thread = start(write_event, &event);
    others_run();
    CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY);
    CHECK(eventfd_read(event, &value) == 0 && value == 0xfffffffffffffffe);
    join(thread);
    CHECK(eventfd_read(event, &value) == 0 && value == 5);
    puts("eventfd: write waits for room");

    pthread_t takers[3];
    int semaphore = eventfd(0, EFD_SEMAPHORE);
    for (size_t i = 0; i < COUNT(takers); i++)
        takers[i] = start(read_event, &semaphore);
    others_run();
    CHECK(eventfd_write(semaphore, COUNT(takers)) == 0);
    for (size_t i = 0; i < COUNT(takers); i++)
        CHECK(join(takers[i]) == (void *)1);
    puts("eventfd: one for each of three");

    struct itimerspec once = { { 0, 0 }, { 0, 30000000 } };
    struct itimerspec often = { { 0, 1000000 }, { 0, 1000000 } };
    int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    double begin = seconds(CLOCK_MONOTONIC);
    CHECK(timerfd_settime(timer, 0, &once, NULL) == 0);
    thread = start(read_timer, &timer);
    others_run();
    CHECK(join(thread) == (void *)1);
    CHECK(seconds(CLOCK_MONOTONIC) - begin >= 0.03);
    puts("timerfd: one expiry");

    CHECK(timerfd_settime(timer, 0, &often, NULL) == 0);
    for (long total = 0; total < 20;)
        total += (long)join(start(read_timer, &timer));
    puts("timerfd: twenty expiries");

    char path[] = "/tmp/check-XXXXXX";
    int file = mkstemp(path), watch = inotify_init1(0);
    CHECK(file >= 0 && inotify_add_watch(watch, path, IN_MODIFY) >= 0);
    thread = start(read_change, &watch);
    others_run();
    CHECK(write(file, "x", 1) == 1);
    join(thread);
    CHECK(unlink(path) == 0);
    puts("inotify: read waits");
    return 0;
}
