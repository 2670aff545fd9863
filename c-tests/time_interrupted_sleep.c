/* What interrupts a sleep, and what is left of it: alarm(), setitimer(),
 * ualarm(), a timer_create() timer and pthread_kill() end sleep, usleep,
 * nanosleep, clock_nanosleep and pause. nanosleep goes on with the rest until
 * all of it is over. Wrong times and clocks: nanosleep(2), clock_nanosleep(2),
 * alarm(2), setitimer(2), ualarm(3), timer_create(2), pause(2), sleep(3).
 *
 * test: slow
 */
#include "lib/check.h"
#include <semaphore.h>
#include <sys/time.h>

static volatile sig_atomic_t handled;
static timer_t timer;
static pthread_t sleeper;

static void handle(int number)
{
    (void)number;
    handled++;
}

/* ---- sleeps: all for 20 s, with the rest where it is told -------------------- */

/* The kernel may count some microseconds more than it was asked to sleep. */
static int left(struct timespec rest)
{
    return rest.tv_sec >= 1 && rest.tv_sec <= 20 && rest.tv_nsec >= 0
        && rest.tv_nsec < 1000000000;
}

static const struct timespec long_time = { 20, 0 };

static int by_nanosleep(void)
{
    struct timespec rest = { 0, 0 };
    return nanosleep(&long_time, &rest) == -1 && errno == EINTR && left(rest);
}

static int by_clock_nanosleep(void)
{
    struct timespec rest = { 0, 0 };
    return clock_nanosleep(CLOCK_MONOTONIC, 0, &long_time, &rest) == EINTR && left(rest);
}

static int by_clock_nanosleep_realtime(void)
{
    struct timespec rest = { 0, 0 };
    return clock_nanosleep(CLOCK_REALTIME, 0, &long_time, &rest) == EINTR && left(rest);
}

/* An absolute time leaves the rest alone. */
static int by_absolute(void)
{
    struct timespec time, rest = { 7, 7 };
    CHECK(clock_gettime(CLOCK_BOOTTIME, &time) == 0);
    time.tv_sec += 20;
    return clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &time, &rest) == EINTR
        && rest.tv_sec == 7 && rest.tv_nsec == 7;
}

static int by_sleep(void)
{
    unsigned rest = sleep(20);
    return rest >= 1 && rest <= 20;
}

static int by_usleep(void) { return usleep(20000000) == -1 && errno == EINTR; }
static int by_pause(void) { return pause() == -1 && errno == EINTR; }

static const struct {
    const char *name;
    int (*sleep)(void);
} sleeps[] = {
    { "nanosleep", by_nanosleep }, { "clock_nanosleep", by_clock_nanosleep },
    { "of CLOCK_REALTIME", by_clock_nanosleep_realtime },
    { "to a time of CLOCK_BOOTTIME", by_absolute },
    { "sleep", by_sleep }, { "usleep", by_usleep }, { "pause", by_pause },
};

/* ---- alarms: the repeating ones cannot come too early ------------------------- */

static void by_setitimer(int on)
{
    struct itimerval time = { { 0, on * 20000 }, { 0, on * 20000 } };
    CHECK(setitimer(ITIMER_REAL, &time, NULL) == 0);
}

static void by_ualarm(int on) { ualarm((useconds_t)on * 20000, (useconds_t)on * 20000); }

static void by_timer(int on)
{
    struct itimerspec time = { { 0, on * 20000000 }, { 0, on * 20000000 } };
    CHECK(timer_settime(timer, 0, &time, NULL) == 0);
}

static void *kill_sleeper(void *on)
{
    while (*(volatile int *)on) {
        CHECK(pthread_kill(sleeper, SIGALRM) == 0);
        struct timespec moment = { 0, 5000000 };
        nanosleep(&moment, NULL);
    }
    return NULL;
}

static void by_pthread_kill(int on)
{
    static volatile int going_on;
    static pthread_t killer;
    going_on = on;
    if (on)
        killer = start(kill_sleeper, (void *)&going_on);
    else
        CHECK(pthread_join(killer, NULL) == 0);
}

static const struct {
    const char *name;
    void (*set)(int on);
} alarms[] = {
    { "setitimer", by_setitimer }, { "ualarm", by_ualarm }, { "timer_create", by_timer },
    { "pthread_kill", by_pthread_kill },
};

static void each_by_each(void)
{
    for (size_t i = 0; i < COUNT(alarms); i++) {
        alarms[i].set(1);
        printf("%s ends", alarms[i].name);
        for (size_t j = 0; j < COUNT(sleeps); j++)
            printf("%s %s%s", j ? "," : "", sleeps[j].sleep() ? "" : "NOT ", sleeps[j].name);
        alarms[i].set(0);
        puts("");
    }
}

/* Interrupted again and again, it sleeps for all of its time. */
static void go_on(void)
{
    struct timespec rest = { 0, 200000000 };
    double begin = seconds(CLOCK_MONOTONIC);
    int times = 0;
    by_setitimer(1);
    while (nanosleep(&rest, &rest) == -1) {
        CHECK(errno == EINTR);
        times++;
    }
    by_setitimer(0);
    CHECK(times > 0 && seconds(CLOCK_MONOTONIC) - begin >= 0.2);
    puts("nanosleep with the rest: all of its time");
}

static int clock_sleep(clockid_t clock, int flags, long sec, long nsec)
{
    struct timespec time = { sec, nsec }, rest = { 7, 7 };
    int error = clock_nanosleep(clock, flags, &time, &rest);
    CHECK(rest.tv_sec == 7 && rest.tv_nsec == 7);
    return error;
}

#define SHOW(call) printf("%s: %s\n", #call, errno_name(call))

static void *wrong(void *unused)
{
    SHOW(clock_sleep(CLOCK_REALTIME, 0, 0, 1000000000));
    SHOW(clock_sleep(CLOCK_REALTIME, 0, 0, -1));
    SHOW(clock_sleep(CLOCK_REALTIME, 0, -1, 0));
    SHOW(clock_sleep(CLOCK_MONOTONIC, TIMER_ABSTIME, -1, 0));
    SHOW(clock_sleep(CLOCK_MONOTONIC, TIMER_ABSTIME, 0, 0));
    SHOW(clock_sleep(CLOCK_REALTIME, TIMER_ABSTIME, 1, 999999999));
    SHOW(clock_sleep(CLOCK_TAI, 0, 0, 1));
    SHOW(clock_sleep(CLOCK_MONOTONIC_RAW, 0, 0, 1));
    SHOW(clock_sleep(CLOCK_REALTIME_COARSE, 0, 0, 1));
    SHOW(clock_sleep(CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, 0, 0));
    SHOW(clock_sleep(CLOCK_THREAD_CPUTIME_ID, 0, 0, 1));
    SHOW(clock_sleep(12345, 0, 0, 1));
    CHECK(sleep(0) == 0);
    return unused;
}

int main(void)
{
    struct sigaction action = { .sa_handler = handle, .sa_flags = SA_RESTART };
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    others_run();
    sleeper = pthread_self();
    each_by_each();
    CHECK(handled > 0);
    go_on();

    CHECK(alarm(1) == 0);
    struct timespec rest;
    CHECK(nanosleep(&long_time, &rest) == -1 && errno == EINTR);
    CHECK(left(rest) && rest.tv_sec >= 15);
    CHECK(alarm(100) == 0 && alarm(0) == 100);
    puts("alarm ends nanosleep, and says what was left of another");
    wrong(NULL);
    join(start(wrong, NULL));
    return 0;
}
