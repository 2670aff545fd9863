/* Threads that compute without a call, and proof that others run meanwhile.
 *
 *   begin_computing(n), end_computing()   n threads count until told to stop
 *   begin_ticks(), end_ticks()            a thread sleeps 1 ms again and again
 *   compute_for_ticks(n)                  counts, without a call, until that
 *                                         thread has slept n times more
 *
 * No loop here calls anything: each ends only if threads are preempted, or if
 * there are processors for all.
 */
#ifndef COMPUTING_H
#define COMPUTING_H

#include "check.h"
#include <semaphore.h>

enum { MOST_COMPUTING = 4 };

static volatile int computing_stop, ticks_stop, ticks;
static pthread_t computing_threads[MOST_COMPUTING], ticks_thread;
static int computing_count;
static sem_t computing_begun;

static void *count_till_stopped(void *unused)
{
    unsigned long count = 0;
    CHECK(sem_post(&computing_begun) == 0);
    while (!computing_stop)
        count++;
    CHECK(count > 0);
    return unused;
}

__attribute__((unused))
static void begin_computing(int count)
{
    CHECK(count <= MOST_COMPUTING);
    CHECK(sem_init(&computing_begun, 0, 0) == 0);
    computing_stop = 0;
    computing_count = count;
    for (int i = 0; i < count; i++)
        computing_threads[i] = start(count_till_stopped, NULL);
    for (int i = 0; i < count; i++)
        while (sem_wait(&computing_begun) == -1)
            CHECK(errno == EINTR);
}

__attribute__((unused))
static void end_computing(void)
{
    computing_stop = 1;
    for (int i = 0; i < computing_count; i++)
        join(computing_threads[i]);
}

static inline void nap(long milliseconds)
{
    struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };
    CHECK(nanosleep(&time, NULL) == 0);
}

static void *tick(void *unused)
{
    sigset_t all;
    CHECK(sigfillset(&all) == 0);
    CHECK(pthread_sigmask(SIG_BLOCK, &all, NULL) == 0);
    while (!ticks_stop) {
        nap(1);
        ticks++;
    }
    return unused;
}

__attribute__((unused))
static void begin_ticks(void)
{
    ticks_stop = 0;
    ticks_thread = start(tick, NULL);
}

__attribute__((unused))
static void end_ticks(void)
{
    ticks_stop = 1;
    join(ticks_thread);
}

__attribute__((unused))
static void compute_for_ticks(int count)
{
    int end = ticks + count;
    while (ticks - end < 0)
        ;
}

#endif
