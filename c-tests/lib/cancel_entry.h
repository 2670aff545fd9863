/* Makes each of a table of calls in a thread that was cancelled before.
 *
 * Prints one line a call: whether it acted on the request, as a cancellation
 * point does at its entry, or went on and returned.
 */
#ifndef CANCEL_ENTRY_H
#define CANCEL_ENTRY_H

#include "check.h"

struct entry {
    const char *name;
    void (*call)(void);
};

#define ENTRY(name) { #name, do_##name }

static pthread_barrier_t entry_barrier;
static int entry_passed;

/* A barrier is no cancellation point, so the first one is the call. */
static void *call_when_cancelled(void *argument)
{
    const struct entry *entry = argument;
    pthread_barrier_wait(&entry_barrier);
    entry->call();
    entry_passed = 1;
    pthread_testcancel();
    CHECK(!"cancelled");
    return NULL;
}

static inline void cancel_at_entries(const struct entry *entries, size_t count)
{
    CHECK(pthread_barrier_init(&entry_barrier, NULL, 2) == 0);
    for (size_t i = 0; i < count; i++) {
        entry_passed = 0;
        pthread_t thread = start(call_when_cancelled, (void *)&entries[i]);
        CHECK(pthread_cancel(thread) == 0);
        pthread_barrier_wait(&entry_barrier);
        CHECK(join(thread) == PTHREAD_CANCELED);
        printf("%s %s\n", entries[i].name, entry_passed ? "goes on" : "acts");
    }
}

#endif
