/*
 * signal_eintr: a handler interrupts the read main blocks in: EINTR without
 * SA_RESTART; with it the read goes on and returns the data that comes later.
 * Follows signal(7), pthread_kill(3).
 */
#include "lib/expect.h"

#include <poll.h>
#include <signal.h>

enum { RESTARTS = 5 };

static int data[2], interrupted[2];
static pthread_t main_thread;
static volatile sig_atomic_t handled;
static volatile sig_atomic_t in_main = 1;

static void count(int number)
{
    (void)number;
    handled++;
    in_main &= pthread_equal(pthread_self(), main_thread) != 0;
}

static void handle_with(int flags)
{
    struct sigaction action = { .sa_handler = count, .sa_flags = flags };
    sigemptyset(&action.sa_mask);
    SYS(sigaction(SIGUSR1, &action, NULL));
}

/* Has main told that it was interrupted?  Gives it a moment. */
static int told(void)
{
    struct pollfd poll_told = { .fd = interrupted[0], .events = POLLIN };
    return SYS(poll(&poll_told, 1, 2)) == 1;
}

/* A signal that comes before main blocks does nothing, so send until one does. */
static void *kill_until_told(void *unused)
{
    do
        OK(pthread_kill(main_thread, SIGUSR1));
    while (!told());
    return unused;
}

/* Main does not tell, for nothing must interrupt it: send, then give it data. */
static void *kill_some_then_write(void *unused)
{
    while (handled < RESTARTS) {
        OK(pthread_kill(main_thread, SIGUSR1));
        EXPECT(!told());
    }
    SYS(write(data[1], "x", 1));
    return unused;
}

int main(void)
{
    SYS(pipe(data));
    SYS(pipe(interrupted));
    main_thread = pthread_self();
    char byte;

    handle_with(0);
    pthread_t killer = start_thread(kill_until_told, NULL);
    ssize_t got = read(data[0], &byte, 1);
    show("read, without SA_RESTART", got == -1 ? errno : 0);
    EXPECT(got == -1 && errno == EINTR);
    while (write(interrupted[1], "x", 1) == -1)
        EXPECT(errno == EINTR);
    join_thread(killer);
    EXPECT(handled > 0);
    while (read(interrupted[0], &byte, 1) == -1)
        EXPECT(errno == EINTR);

    handled = 0;
    handle_with(SA_RESTART);
    killer = start_thread(kill_some_then_write, NULL);
    got = read(data[0], &byte, 1);
    printf("read, with SA_RESTART: %zd byte\n", got);
    EXPECT(got == 1 && byte == 'x');
    join_thread(killer);
    printf("at least %d signals handled: %s, all in main: %s\n", RESTARTS,
           handled >= RESTARTS ? "yes" : "no", in_main ? "yes" : "no");
    EXPECT(handled >= RESTARTS && in_main);
    return 0;
}
