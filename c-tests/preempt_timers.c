/* While two threads compute without a call, time goes on for the others: sleeps
 * and time-outs end, SIGALRM finds its handler, an echo goes to and fro; and a
 * signal or an asynchronous cancellation reaches a computing thread itself.
 * sched(7), setitimer(2), timer_create(2), pthread_kill(3),
 * pthread_setcanceltype(3).
 *
 * Not by seeds: with a forced switch in the handler the next signal goes to another
 * thread, as it would natively.
 *
 * test: slow
 * test: timeout=20
 * test: seeds=0
 * test: env=GREEN_SLICE_MS=10
 */
#include "lib/computing.h"
#include "lib/deadline.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/time.h>

static int quiet[2];

static void *sleep_often(void *unused)
{
    for (int i = 0; i < 20; i++)
        nap(5);
    return unused;
}

/* ---- SIGALRM ----------------------------------------------------------------- */

static pthread_t main_thread;
static sem_t alarmed;
static volatile sig_atomic_t alarms, in_main;

static void count_alarm(int number)
{
    CHECK(number == SIGALRM);
    in_main = pthread_equal(pthread_self(), main_thread) != 0;
    alarms++;
    CHECK(sem_post(&alarmed) == 0);
}

static void await_alarm(void)
{
    while (sem_wait(&alarmed) == -1)
        CHECK(errno == EINTR);
}

static void use_alarm(void)
{
    CHECK(alarm(1) == 0);
    await_alarm();
    CHECK(in_main && alarms == 1);
    puts("alarm: handled in main, in sem_wait");
}

static void use_setitimer(void)
{
    struct itimerval often = { { 0, 20000 }, { 0, 20000 } }, off = { { 0, 0 }, { 0, 0 } };
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    for (int i = 0; i < 3; i++) {
        errno = 0;
        CHECK(pause() == -1 && errno == EINTR);
    }
    CHECK(setitimer(ITIMER_REAL, &off, NULL) == 0);
    CHECK(in_main && alarms >= 4);
    puts("setitimer: handled in main, in pause");
}

/* The kernel may let any thread that does not block it run this one. */
static void use_timer(void)
{
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
    struct itimerspec once = { { 0, 0 }, { 0, 20000000 } };
    timer_t timer;
    while (sem_trywait(&alarmed) == 0)
        ;
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &once, NULL) == 0);
    await_alarm();
    CHECK(timer_delete(timer) == 0);
    puts("timer_create: handled");
}

/* ---- time-outs --------------------------------------------------------------- */

static void time_out(void)
{
    struct pollfd input = { .fd = quiet[0], .events = POLLIN };
    struct epoll_event event = { .events = EPOLLIN };
    struct timeval time = { 0, 10000 };
    fd_set set;
    int epoll = epoll_create1(0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, quiet[0], &event) == 0);
    for (int i = 0; i < 5; i++)
        CHECK(poll(&input, 1, 10) == 0 && poll(NULL, 0, 10) == 0);
    puts("poll: timed out");
    FD_ZERO(&set);
    FD_SET(quiet[0], &set);
    CHECK(select(quiet[0] + 1, &set, NULL, NULL, &time) == 0);
    puts("select: timed out");
    CHECK(epoll_wait(epoll, &event, 1, 10) == 0);
    puts("epoll_wait: timed out");
    struct timespec limit = time_in(CLOCK_REALTIME, 10);
    CHECK(sem_timedwait(&alarmed, &limit) == -1 && errno == ETIMEDOUT);
    puts("sem_timedwait: timed out");
    close(epoll);
}

/* ---- a socket ---------------------------------------------------------------- */

static void *echo(void *socket)
{
    for (int i = 0; i < 20; i++)
        give(*(int *)socket, take(*(int *)socket));
    return NULL;
}

static void *ask(void *socket)
{
    for (char i = 0; i < 20; i++) {
        give(*(int *)socket, i);
        CHECK(take(*(int *)socket) == i);
    }
    return NULL;
}

static void use_socket(void)
{
    int ends[2];
    tcp_pair(ends);
    pthread_t asker = start(ask, &ends[0]), echoer = start(echo, &ends[1]);
    join(asker), join(echoer);
    close(ends[0]), close(ends[1]);
    puts("socket: 20 echoes");
}

/* ---- acting on a computing thread --------------------------------------------- */

static volatile int stopped, cancellable;
static pthread_t target;
static sem_t running;

static void stop_here(int number)
{
    CHECK(number == SIGUSR1 && pthread_equal(pthread_self(), target));
    stopped = 1;
}

static void *compute_till_signalled(void *unused)
{
    unsigned long count = 0;
    target = pthread_self();
    CHECK(sem_post(&running) == 0);
    while (!stopped)
        count++;
    return unused;
}

static void note_cleanup(void *done)
{
    *(int *)done = 1;
}

static void *compute_till_cancelled(void *done)
{
    pthread_cleanup_push(note_cleanup, done);
    CHECK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL) == 0);
    cancellable = 1;
    for (;;)
        ;
    pthread_cleanup_pop(0);
    return NULL;
}

static void act_on_computing(void)
{
    struct sigaction action = { .sa_handler = stop_here };
    int cleaned_up = 0;
    CHECK(sem_init(&running, 0, 0) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
    pthread_t thread = start(compute_till_signalled, NULL);
    CHECK(sem_wait(&running) == 0);
    CHECK(pthread_kill(thread, SIGUSR1) == 0);
    join(thread);
    puts("pthread_kill: handled in the computing thread");

    thread = start(compute_till_cancelled, &cleaned_up);
    while (!cancellable)
        ;
    CHECK(pthread_cancel(thread) == 0);
    CHECK(join(thread) == PTHREAD_CANCELED && cleaned_up);
    puts("pthread_cancel: ended the computing thread, cleaned up");
}

int main(void)
{
    struct sigaction action = { .sa_handler = count_alarm };
    main_thread = pthread_self();
    CHECK(pipe(quiet) == 0 && sem_init(&alarmed, 0, 0) == 0);
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    begin_computing(2);
    join(start(sleep_often, NULL));
    puts("nanosleep: 20 times");
    time_out();
    use_socket();
    use_alarm();
    use_setitimer();
    use_timer();
    act_on_computing();
    end_computing();
    return 0;
}
