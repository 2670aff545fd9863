/* One call at its slowest, while other threads tick.
 *
 *   static void *slow(void *a) { ...the call, prints result and errno... }
 *   static void is_waiting(void *a) { ...comes back when the call waits... }
 *   static void release(void *a) { ...makes the call go on... }
 *
 *   beside("flock", slow, is_waiting, release, &state);
 *
 * The call runs in a thread of its own. Once it waits, other threads must run
 * (`others_run`) and one thread must tick on time after time; only then is the
 * call released. A call that holds up the process hangs the test. The longest
 * tick goes to standard error, for it is a measurement and not a result.
 */
#ifndef BESIDE_H
#define BESIDE_H

#include "check.h"

/* Sleeps for a millisecond twenty times over; the longest it took, in ms. */
static inline double longest_of_twenty_ticks(void)
{
    const struct timespec millisecond = { 0, 1000000 };
    double longest = 0, before = seconds(CLOCK_MONOTONIC);
    for (int i = 0; i < 20; i++) {
        nanosleep(&millisecond, NULL);
        double after = seconds(CLOCK_MONOTONIC);
        if (after - before > longest)
            longest = after - before;
        before = after;
    }
    return longest * 1e3;
}

static inline void *beside(const char *name, thread_body *call,
                           void (*is_waiting)(void *), void (*release)(void *),
                           void *argument)
{
    pthread_t caller = start(call, argument);
    is_waiting(argument);
    others_run();
    double longest = longest_of_twenty_ticks();
    release(argument);
    void *result = join(caller);
    dprintf(2, "%s: longest tick beside it %.1f ms\n", name, longest);
    return result;
}

#endif
