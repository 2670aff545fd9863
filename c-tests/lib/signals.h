/* Sets of signals: this thread's mask and what is pending. */
#ifndef SIGNALS_H
#define SIGNALS_H

#include "verdict.h"
#include <pthread.h>
#include <signal.h>

/* 0 stands for no signal. */
static inline sigset_t set_of(int first, int second)
{
    sigset_t set;
    CHECK(sigemptyset(&set) == 0);
    CHECK(first == 0 || sigaddset(&set, first) == 0);
    CHECK(second == 0 || sigaddset(&set, second) == 0);
    return set;
}

/* One digit a signal: HUP, USR1, USR2, TERM. */
static inline int digits(const sigset_t *set)
{
    return 1000 * sigismember(set, SIGHUP) + 100 * sigismember(set, SIGUSR1)
         + 10 * sigismember(set, SIGUSR2) + sigismember(set, SIGTERM);
}

static inline int own_mask(void)
{
    sigset_t mask;
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &mask) == 0);
    return digits(&mask);
}

static inline void change_mask(int how, int number)
{
    sigset_t set = set_of(number, 0);
    CHECK(pthread_sigmask(how, &set, NULL) == 0);
}

static inline int is_pending(int number)
{
    sigset_t set;
    CHECK(sigpending(&set) == 0);
    return sigismember(&set, number);
}

#endif
