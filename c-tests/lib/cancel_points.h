/* Cancels a thread in each of a table of waiting calls.
 *
 * Prints one line a call: that join yielded PTHREAD_CANCELED, and the cleanup
 * handlers in the order they ran.
 */
#ifndef CANCEL_POINTS_H
#define CANCEL_POINTS_H

#include "check.h"
#include <semaphore.h>

struct point {
    const char *name;
    void (*wait)(void);
};

static sem_t about_to_wait;
static char cleanups[64];

static void note_cleanup(void *name)
{
    strcat(cleanups, name);
}

static void *wait_at_point(void *argument)
{
    const struct point *point = argument;
    pthread_cleanup_push(note_cleanup, " outer");
    pthread_cleanup_push(note_cleanup, " inner");
    CHECK(sem_post(&about_to_wait) == 0);
    point->wait();
    CHECK(!"the call returned");
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return NULL;
}

static inline void cancel_at_points(const struct point *points, size_t count)
{
    CHECK(sem_init(&about_to_wait, 0, 0) == 0);
    for (size_t i = 0; i < count; i++) {
        cleanups[0] = '\0';
        pthread_t thread = start(wait_at_point, (void *)&points[i]);
        CHECK(sem_wait(&about_to_wait) == 0);
        others_run();
        CHECK(pthread_cancel(thread) == 0);
        CHECK(join(thread) == PTHREAD_CANCELED);
        printf("%s: cancelled, cleaned up:%s\n", points[i].name, cleanups);
        CHECK(strcmp(cleanups, " inner outer") == 0);
    }
}

#endif
