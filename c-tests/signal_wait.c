/* sigwait(3), sigtimedwait(2), sigwaitinfo(2), sigsuspend(2) and pause(2) stop
 * the calling thread alone: the classic thread that takes all signals, one that
 * times out, and a main thread that waits for a handler.
 */
#define _GNU_SOURCE
#include "lib/expect.h"
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

static int ticks[2], taken[2];
static volatile sig_atomic_t handled, waited;

static void handler(int signal)
{
    (void)signal;
    handled++;
}

static void write_byte(int fd, char byte)
{
    EXPECT(write(fd, &byte, 1) == 1);
}

static char read_byte(int fd)
{
    char byte;
    EXPECT(read(fd, &byte, 1) == 1);
    return byte;
}

/* Takes signals until SIGTERM, and tells which came. */
static void *signal_thread(void *set)
{
    for (int signal = 0; signal != SIGTERM;) {
        OK(sigwait(set, &signal));
        write_byte(taken[1], signal == SIGUSR1 ? '1' : signal == SIGUSR2 ? '2' : 'T');
    }
    return NULL;
}

/* Others run meanwhile: echoes what it reads. */
static void *echo(void *unused)
{
    write_byte(ticks[1], read_byte(taken[0]));
    return unused;
}

static void *time_out(void *set)
{
    struct timespec span = { .tv_nsec = 20 * 1000 * 1000 };
    siginfo_t info;
    EXPECT(sigtimedwait(set, &info, &span) == -1 && errno == EAGAIN);
    return NULL;
}

static void *take_info(void *set)
{
    siginfo_t info = { 0 };
    int signal = sigwaitinfo(set, &info);
    EXPECT(signal == info.si_signo && info.si_pid == getpid());
    return (void *)(intptr_t)signal;
}

static void *send_hup(void *main_thread)
{
    /* A handler may run before the wait begins. */
    while (!waited) {
        OK(pthread_kill(*(pthread_t *)main_thread, SIGHUP));
        sched_yield();
    }
    return NULL;
}

int main(void)
{
    sigset_t set, none;
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGTERM);
    OK(pthread_sigmask(SIG_BLOCK, &set, NULL));
    EXPECT(pipe(ticks) == 0 && pipe(taken) == 0);

    pthread_t waiter = start_thread(signal_thread, &set);
    int signals[] = { SIGUSR1, SIGUSR2, SIGUSR1, SIGTERM };
    for (int i = 0; i < 4; i++) {
        pthread_t echoer = start_thread(echo, NULL);
        EXPECT(kill(getpid(), signals[i]) == 0);
        printf("taken: %c\n", read_byte(ticks[0]));
        join_thread(echoer);
    }
    join_thread(waiter);

    join_thread(start_thread(time_out, &set));
    puts("sigtimedwait: EAGAIN in time");
    waiter = start_thread(take_info, &set);
    EXPECT(kill(getpid(), SIGUSR2) == 0);
    printf("sigwaitinfo: %s\n", join_thread(waiter) == (void *)SIGUSR2 ? "SIGUSR2" : "another");

    struct sigaction action = { .sa_handler = handler };
    EXPECT(sigaction(SIGHUP, &action, NULL) == 0);
    pthread_t me = pthread_self();
    waiter = start_thread(send_hup, &me);
    EXPECT(pause() == -1 && errno == EINTR && handled > 0);
    waited = 1;
    join_thread(waiter);
    puts("pause: a handler ran");
    handled = waited = 0;
    waiter = start_thread(send_hup, &me);
    EXPECT(sigsuspend(&none) == -1 && errno == EINTR && handled > 0);
    waited = 1;
    join_thread(waiter);
    puts("sigsuspend: a handler ran");
    return 0;
}
