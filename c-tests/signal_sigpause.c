/* sigpause parks its thread until a handler has run, in both of its forms:
 * sigpause(3), sigset(3).
 */
#define _XOPEN_SOURCE 700
#include "lib/check.h"

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static volatile sig_atomic_t handled;
static int about[2];

int bsd_sigpause(int mask) __asm__("sigpause");

static void on_signal(int number) { handled = number; }

static void *system_v(void *unused)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    give(about[1], 'x');
    FAILS(EINTR, sigpause(SIGUSR1));
    CHECK(handled == SIGUSR1);
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    printf("blocked again: %d\n", sigismember(&set, SIGUSR1));
    FAILS(EINVAL, sigpause(0));
    return unused;
}

static void *bsd(void *unused)
{
    give(about[1], 'x');
    FAILS(EINTR, bsd_sigpause(1 << (SIGUSR2 - 1)));
    CHECK(handled == SIGUSR1);
    return unused;
}

static void interrupted(thread_body *body)
{
    handled = 0;
    pthread_t thread = start(body, NULL);
    CHECK(take(about[0]) == 'x');
    others_run();
    /* It may be just before its wait: until it has ended. */
    while (pthread_tryjoin_np(thread, NULL) == EBUSY) {
        CHECK(pthread_kill(thread, SIGUSR1) == 0);
        sched_yield();
    }
}

int main(void)
{
    struct sigaction action = { .sa_handler = on_signal };
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0 && pipe(about) == 0);
    interrupted(system_v);
    interrupted(bsd);
    return 0;
}
