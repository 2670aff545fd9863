/* Signals of timers in a process with threads: setitimer's three kinds, of which
 * the two that count CPU time end while one thread computes and others wait; a
 * timer_create timer by SIGEV_SIGNAL, with its value, once and again and again,
 * and what it has overrun while it was blocked; alarm, and what is left of it:
 * setitimer(2), timer_create(2), timer_getoverrun(2), alarm(2).
 *
 * test: slow
 * test: env=GREEN_SLICE_MS=10
 */
#include "lib/check.h"

#include <semaphore.h>
#include <sys/time.h>

static sem_t came[NSIG];        /* one post for each signal of this number */
static volatile sig_atomic_t awaited;   /* the value of the timer in use */
static int quiet[2];

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    /* One that was on its way when its timer was stopped counts for nobody. */
    if (info->si_code == SI_TIMER && info->si_value.sival_int != awaited)
        return;
    CHECK(sem_post(&came[number]) == 0);
}

static void await(int number)
{
    while (sem_wait(&came[number]) == -1)
        CHECK(errno == EINTR);
}

static volatile int stop;

static void *compute(void *unused)
{
    for (unsigned long i = 0; !stop; i++)
        __asm__ volatile("" : : "r"(i));
    return unused;
}

static void *wait_in_read(void *unused)
{
    CHECK(take(quiet[0]) == 'q');
    return unused;
}

static void *by_setitimer(void *unused)
{
    static const struct { int which, number; const char *name; } kinds[] = {
        { ITIMER_REAL, SIGALRM, "ITIMER_REAL" }, { ITIMER_VIRTUAL, SIGVTALRM, "ITIMER_VIRTUAL" },
        { ITIMER_PROF, SIGPROF, "ITIMER_PROF" },
    };
    struct itimerval now, soon = { { 0, 0 }, { 0, 20000 } }, often = { { 0, 5000 }, { 0, 5000 } };
    pthread_t reader = start(wait_in_read, NULL);
    for (size_t i = 0; i < COUNT(kinds); i++) {
        pthread_t computing = start(compute, NULL);
        CHECK(setitimer(kinds[i].which, &soon, NULL) == 0);
        await(kinds[i].number);
        CHECK(getitimer(kinds[i].which, &now) == 0);
        CHECK(now.it_value.tv_sec == 0 && now.it_value.tv_usec == 0);
        CHECK(setitimer(kinds[i].which, &often, NULL) == 0);
        for (int j = 0; j < 5; j++)
            await(kinds[i].number);
        CHECK(setitimer(kinds[i].which, &(struct itimerval){ 0 }, &now) == 0);
        CHECK(now.it_interval.tv_usec == 5000);
        stop = 1;
        join(computing);
        stop = 0;
        printf("%s: once, and again and again\n", kinds[i].name);
    }
    give(quiet[1], 'q');
    join(reader);
    return unused;
}

static void *by_timer_create(void *unused)
{
    static const struct { clockid_t clock; const char *name; } clocks[] = {
        { CLOCK_MONOTONIC, "CLOCK_MONOTONIC" }, { CLOCK_REALTIME, "CLOCK_REALTIME" },
        { CLOCK_BOOTTIME, "CLOCK_BOOTTIME" }, { CLOCK_PROCESS_CPUTIME_ID, "CLOCK_PROCESS_CPUTIME_ID" },
    };
    for (size_t i = 0; i < COUNT(clocks); i++) {
        struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1 };
        struct itimerspec often = { { 0, 5000000 }, { 0, 5000000 } }, now;
        timer_t timer;
        pthread_t computing = start(compute, NULL);
        awaited = event.sigev_value.sival_int = 100 + (int)i;
        CHECK(timer_create(clocks[i].clock, &event, &timer) == 0);
        CHECK(timer_settime(timer, 0, &often, NULL) == 0);
        while (sem_trywait(&came[SIGRTMIN + 1]) == 0)
            ;
        for (int j = 0; j < 5; j++)
            await(SIGRTMIN + 1);
        CHECK(timer_gettime(timer, &now) == 0 && now.it_interval.tv_nsec == 5000000);
        CHECK(timer_delete(timer) == 0);
        stop = 1;
        join(computing);
        stop = 0;
        printf("%s: again and again\n", clocks[i].name);
    }
    return unused;
}

/* Nobody takes it for a while: it is queued once, and the rest is counted. */
static void overrun(void)
{
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1 };
    struct itimerspec often = { { 0, 1000000 }, { 0, 1000000 } };
    struct timespec later = { 0, 30000000 };
    siginfo_t info;
    sigset_t set;
    timer_t timer;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 1);
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &often, NULL) == 0);
    while (nanosleep(&later, &later) == -1)
        CHECK(errno == EINTR);
    CHECK(sigwaitinfo(&set, &info) == SIGRTMIN + 1 && info.si_code == SI_TIMER);
    CHECK(info.si_overrun >= 10 && timer_getoverrun(timer) >= info.si_overrun);
    CHECK(timer_delete(timer) == 0);
    puts("overrun: counted");
}

static void *in_blocking_thread(void *unused)
{
    overrun();
    return unused;
}

int main(void)
{
    static const int numbers[] = { SIGALRM, SIGVTALRM, SIGPROF };
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART };
    CHECK(pipe(quiet) == 0);
    for (int number = 1; number < NSIG; number++)
        CHECK(sem_init(&came[number], 0, 0) == 0);
    for (size_t i = 0; i < COUNT(numbers); i++)
        CHECK(sigaction(numbers[i], &action, NULL) == 0);
    CHECK(sigaction(SIGRTMIN + 1, &action, NULL) == 0);
    join(start(by_setitimer, NULL));
    join(start(by_timer_create, NULL));
    CHECK(alarm(1000) == 0);
    unsigned left = alarm(1);
    CHECK(left >= 998 && left <= 1000);
    while (sem_trywait(&came[SIGALRM]) == 0)
        ;
    await(SIGALRM);
    printf("alarm: %u left\n", alarm(0));
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 1);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    join(start(in_blocking_thread, NULL));
    overrun();
    return 0;
}
