/* What the clocks show, and how waits with a deadline by them end; each argument
 * names a part. For libraries that lie about the time (libfaketime): what is
 * waited is measured by a direct system call, to which nobody can lie:
 * clock_gettime(2), gettimeofday(2), pthread_cond_timedwait(3), sem_timedwait(3).
 */
#include "../lib/check.h"

#include <poll.h>
#include <semaphore.h>
#include <string.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>

enum { SPAN_MS = 100, EARLY_MS = 80, LATE_MS = 10000, FAR_SECONDS = 8 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static sem_t semaphore;
static int ready;

static long true_ms(void)
{
    struct timespec now;
    CHECK(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now) == 0);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct timespec later(struct timespec time, long ms)
{
    time.tv_nsec += ms % 1000 * 1000000;
    time.tv_sec += ms / 1000 + time.tv_nsec / 1000000000;
    time.tv_nsec %= 1000000000;
    return time;
}

static struct timespec by_clock(long ms)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return later(now, ms);
}

static struct timespec by_day(long ms)
{
    struct timeval now;
    CHECK(gettimeofday(&now, NULL) == 0);
    return later((struct timespec){ now.tv_sec, now.tv_usec * 1000 }, ms);
}

/* A wait of SPAN_MS that began at `since` is over. */
static void over(const char *wait, int result, long since)
{
    long ms = true_ms() - since;
    printf("%s: %s, %s\n", wait, result ? errno_name(result) : "0",
           ms < EARLY_MS ? "too early" : ms > LATE_MS ? "too late" : "in time");
}

static void show_clocks(void)
{
    struct timespec now;
    CHECK(syscall(SYS_clock_gettime, CLOCK_REALTIME, &now) == 0);
    printf("days ahead: time %ld, gettimeofday %ld, clock_gettime %ld\n",
           (time(NULL) - now.tv_sec + 3600) / 86400, (by_day(0).tv_sec - now.tv_sec + 3600) / 86400,
           (by_clock(0).tv_sec - now.tv_sec + 3600) / 86400);
}

static void sleep_in_all_ways(void)
{
    struct timespec span = { 0, SPAN_MS * 1000000 };
    struct timeval slice = { 0, SPAN_MS * 1000 };
    long since = true_ms();
    over("nanosleep", nanosleep(&span, NULL), since);
    since = true_ms();
    over("clock_nanosleep", clock_nanosleep(CLOCK_REALTIME, 0, &span, NULL), since);
    since = true_ms();
    over("usleep", usleep(SPAN_MS * 1000), since);
    since = true_ms();
    over("poll", poll(NULL, 0, SPAN_MS), since);
    since = true_ms();
    over("select", select(0, NULL, NULL, NULL, &slice), since);
}

static void wait_on_semaphore(void)
{
    long since = true_ms();
    struct timespec until = by_clock(SPAN_MS);
    over("sem_timedwait", sem_timedwait(&semaphore, &until) ? errno : 0, since);
}

static void wait_on_condition(const char *clock, struct timespec until(long))
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    long since = true_ms();
    struct timespec deadline = until(SPAN_MS);
    int result;
    do
        result = pthread_cond_timedwait(&condition, &mutex, &deadline);
    while (result == 0);
    over(clock, result, since);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
}

static void *make_ready(void *unused)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    ready = 1;
    CHECK(pthread_cond_signal(&condition) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return unused;
}

/* The deadline is far: a signal that is lost, or sent in vain, ends in ETIMEDOUT. */
static void be_signalled(void)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    struct timespec deadline = by_clock(FAR_SECONDS * 1000);
    pthread_t other = start(make_ready, NULL);
    int result = 0;
    while (!ready && result == 0)
        result = pthread_cond_timedwait(&condition, &mutex, &deadline);
    printf("signalled: %s\n", result ? errno_name(result) : "0");
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    join(other);
}

static void *run_part(void *name)
{
    const char *part = name;
    if (strcmp(part, "clocks") == 0)
        show_clocks();
    else if (strcmp(part, "sleeps") == 0)
        sleep_in_all_ways();
    else if (strcmp(part, "semaphore") == 0)
        wait_on_semaphore();
    else if (strcmp(part, "condition") == 0)
        wait_on_condition("by clock_gettime", by_clock);
    else if (strcmp(part, "condition-by-day") == 0)
        wait_on_condition("by gettimeofday", by_day);
    else if (strcmp(part, "signalled") == 0)
        be_signalled();
    else
        CHECK(!"a part");
    fflush(stdout);
    return NULL;
}

int main(int count, char **parts)
{
    CHECK(sem_init(&semaphore, 0, 0) == 0);
    for (int i = 1; i < count; i++)
        join(start(run_part, parts[i]));
    return 0;
}
