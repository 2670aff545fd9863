/* A timer by SIGEV_THREAD_ID sends its signal to the thread whose gettid() it was
 * given, be it computing, in read or in sigwaitinfo: timer_create(2), gettid(2).
 */
#include "lib/check.h"

#include <semaphore.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

enum { THREADS = 4, TIMES = 5 };

static pthread_barrier_t all;
static __thread volatile sig_atomic_t handled, value;
static int quiet[2];

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    CHECK(number == SIGRTMIN && info->si_code == SI_TIMER);
    handled++;
    value = info->si_value.sival_int;
}

static timer_t begin_timer(pid_t thread, int number)
{
    struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN };
    struct itimerspec often = { { 0, 2000000 }, { 0, 2000000 } };
    timer_t timer;
    event.sigev_value.sival_int = number;
    event.sigev_notify_thread_id = thread;
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &often, NULL) == 0);
    return timer;
}

static void *be_timed(void *argument)
{
    int number = *(int *)argument;
    char byte;
    sigset_t set;
    siginfo_t info;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    pthread_barrier_wait(&all);
    timer_t timer = begin_timer(gettid(), number);
    while (handled < TIMES)
        ;
    for (int i = 0; i < TIMES; i++)
        CHECK(read(quiet[0], &byte, 1) == -1 && errno == EINTR);
    CHECK(handled >= 2 * TIMES && value == number);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    for (int i = 0; i < TIMES; i++)
        CHECK(sigwaitinfo(&set, &info) == SIGRTMIN && info.si_value.sival_int == number);
    CHECK(timer_delete(timer) == 0);
    pthread_barrier_wait(&all);
    return NULL;
}

int main(void)
{
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
    pthread_t threads[THREADS];
    int numbers[THREADS];
    CHECK(sigaction(SIGRTMIN, &action, NULL) == 0 && pipe(quiet) == 0);
    CHECK(pthread_barrier_init(&all, NULL, THREADS) == 0);
    for (int i = 0; i < THREADS; i++)
        numbers[i] = 10 + i, threads[i] = start(be_timed, &numbers[i]);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    printf("%d threads had their own timers' signals, main %d\n", THREADS, (int)handled);
    return 0;
}
