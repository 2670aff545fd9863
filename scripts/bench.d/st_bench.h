/* What the State Threads anchors share (Debian package libst-dev). Follows the State
 * Threads programmer's reference: st_init, st_set_eventsys, st_thread_create.
 */
#ifndef ST_BENCH_H
#define ST_BENCH_H

#include "footprint.h"

#include <st.h>

/* Debian's library is built without epoll: the choice is select, for 1024 descriptors, or
 * poll. */
static inline void prepare_state_threads(void)
{
    CHECK(st_set_eventsys(ST_EVENTSYS_POLL) == 0);
    CHECK(st_init() == 0);
}

/* One of many joinable threads, with the library's default stack. */
static inline st_thread_t st_start(long others, void *(*body)(void *), void *argument)
{
    st_thread_t thread = st_thread_create(body, argument, 1, 0);
    if (!thread)
        cannot("after %ld threads st_thread_create: %s", others, strerror(errno));
    return thread;
}

#endif
