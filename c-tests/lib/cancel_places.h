/* Cancels a thread in each of a table of places that are no cancellation points:
 * it waits on, goes on when it is let, and acts on the request at the next point.
 */
#ifndef CANCEL_PLACES_H
#define CANCEL_PLACES_H

#include "places.h"

static int place_passed;

static void *wait_and_test(void *argument)
{
    const struct place *place = argument;
    CHECK(sem_post(&about_to_wait) == 0);
    place->wait();
    __atomic_store_n(&place_passed, 1, __ATOMIC_SEQ_CST);
    pthread_testcancel();
    CHECK(!"cancelled");
    return NULL;
}

static inline void cancel_at_places(const struct place *places, size_t count)
{
    for (const struct place *place = places; place < places + count; place++) {
        place_passed = 0;
        place->hold();
        pthread_t thread = start(wait_and_test, (void *)place);
        CHECK(sem_wait(&about_to_wait) == 0);
        others_run();
        CHECK(pthread_cancel(thread) == 0);
        others_run();
        CHECK(__atomic_load_n(&place_passed, __ATOMIC_SEQ_CST) == 0);
        CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY);
        place->release();
        CHECK(join(thread) == PTHREAD_CANCELED && place_passed == 1);
        printf("%s: waited on, then cancelled\n", place->name);
    }
}

#endif
