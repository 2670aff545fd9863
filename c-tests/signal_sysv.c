/*
 * signal_sysv: a handler of sysv_signal works once and interrupts a read; one
 * of signal works again and again and lets the read go on, unless siginterrupt
 * says otherwise, and until it takes that back.
 * Follows sysv_signal(3), signal(2), siginterrupt(3).
 */
#include "lib/check.h"
#include <poll.h>

/* siginterrupt(3) is obsolete, and old programs call it. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

enum { RESTARTS = 5 };

static pthread_t main_thread;
static int data[2], interrupted[2];
static volatile sig_atomic_t handled, was_reset;

static void count(int number)
{
    (void)number;
    handled++;
}

static int flags_of(int number, void (**handler)(int))
{
    struct sigaction action;
    CHECK(sigaction(number, NULL, &action) == 0);
    *handler = action.sa_handler;
    return action.sa_flags;
}

/* In the old style: the first thing a handler does is to install itself again. */
static void count_and_reinstall(int number)
{
    void (*handler)(int);
    flags_of(number, &handler);
    was_reset += handler == SIG_DFL;
    __sysv_signal(number, count_and_reinstall);
    handled++;
}

/* By turns to the thread and to the process, whose signals main handles too. */
static void send_signal(int turn)
{
    if (turn % 2)
        CHECK(pthread_kill(main_thread, SIGUSR1) == 0);
    else
        CHECK(kill(getpid(), SIGUSR1) == 0);
}

static void signal_main(void)
{
    int before = handled;
    send_signal(before);
    while (handled == before)
        sched_yield();
}

/* Has main told that it was interrupted? Gives it a moment. */
static int told(void)
{
    struct pollfd poll_told = { .fd = interrupted[0], .events = POLLIN };
    return poll(&poll_told, 1, 2) == 1;
}

/* A signal that comes before main blocks does nothing, so send until one does. */
static void *signal_until_told(void *unused)
{
    do
        signal_main();
    while (!told());
    return unused;
}

/* Nothing must interrupt main: send some, then give it data. */
static void *signal_then_write(void *unused)
{
    for (int i = 0; i < RESTARTS; i++) {
        signal_main();
        CHECK(!told());
    }
    give(data[1], 'x');
    return unused;
}

static void read_is_interrupted(const char *how)
{
    char byte;
    pthread_t thread = start(signal_until_told, NULL);
    CHECK(read(data[0], &byte, 1) == -1 && errno == EINTR);
    while (write(interrupted[1], "x", 1) == -1)
        CHECK(errno == EINTR);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(take(interrupted[0]) == 'x');
    printf("%s: read fails with EINTR\n", how);
}

static void read_goes_on(const char *how)
{
    pthread_t thread = start(signal_then_write, NULL);
    CHECK(take(data[0]) == 'x');
    join(thread);
    printf("%s: read goes on\n", how);
}

static void *signal_twice(void *unused)
{
    signal_main();
    send_signal(handled);
    for (;;)
        sched_yield();
    return unused;
}

static void second_signal_kills(void)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        main_thread = pthread_self();
        CHECK(__sysv_signal(SIGUSR1, count) != SIG_ERR);
        join(start(signal_twice, NULL));
        _exit(1);
    }
    printf("one shot, and a second one: %s\n", child_end(child));
}

int main(void)
{
    void (*handler)(int);
    main_thread = pthread_self();
    CHECK(pipe(data) == 0 && pipe(interrupted) == 0);
    others_run();

    CHECK(__sysv_signal(SIGUSR1, count_and_reinstall) == SIG_DFL);
    CHECK((flags_of(SIGUSR1, &handler) & (SA_RESTART | SA_RESETHAND | SA_NODEFER))
          == (SA_RESETHAND | SA_NODEFER));
    CHECK(handler == count_and_reinstall);
    read_is_interrupted("sysv_signal");
    CHECK(handled > 0 && was_reset == handled);
    second_signal_kills();

    CHECK(signal(SIGUSR1, count) == count_and_reinstall);
    read_goes_on("signal");
    CHECK(siginterrupt(SIGUSR1, 1) == 0);
    read_is_interrupted("siginterrupt 1");
    CHECK(signal(SIGUSR1, count) == count);
    read_is_interrupted("siginterrupt 1, then signal");
    CHECK(siginterrupt(SIGUSR1, 0) == 0);
    read_goes_on("siginterrupt 0");
    FAILS(EINVAL, siginterrupt(-1, 1));
    errno = 0;
    CHECK(__sysv_signal(SIGKILL, count) == SIG_ERR && errno == EINVAL);
    return 0;
}
