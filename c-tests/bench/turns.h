/* Two threads hand over the turn, `turns` times in all, by a mutex and a condition variable:
 * pthread_cond_signal(3).
 *
 *   static void wait_for_turn(void) { pthread_cond_wait(&changed, &lock); }
 *   static void *take_turns(void *parity) { return take_turns_by(parity, wait_for_turn); }
 *
 *   turns = 1000;
 *   bench_turns("cond_handoff", take_turns);
 */
#ifndef TURNS_H
#define TURNS_H

#include "bench.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long turn, turns;

/* Inline, so that the wait is a call of pthreads and no other. */
__attribute__((always_inline))
static inline void *take_turns_by(void *argument, void (*wait)(void))
{
    long parity = (long)argument;

    pthread_mutex_lock(&lock);
    while (turn < turns) {
        if (turn % 2 == parity) {
            turn++;
            pthread_cond_signal(&changed);
        } else {
            wait();
        }
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

static inline void bench_turns(const char *name, thread_body *take_turns)
{
    double begin = now();
    pthread_t other = start(take_turns, (void *)1);
    take_turns((void *)0);
    join(other);
    report_each(name, begin, turns);
}

#endif
