/* A robust mutex that is unlocked after EOWNERDEAD without
 * pthread_mutex_consistent is lost: whoever waits and whoever comes is told
 * ENOTRECOVERABLE; it can be destroyed and made anew:
 * pthread_mutex_consistent(3), pthread_mutexattr_setrobust(3).
 *
 * test: timeout=20
 */
#include "lib/pshared.h"

/* More would wait for ever in glibc 2.36: a waiter that is told ENOTRECOVERABLE
 * should wake the next, but takes the word with its highest bit set for a
 * negative number, hence for one that nobody waits for. */
enum { WAITERS = 2 };

static pthread_mutex_t mutex;
static pthread_key_t unlocking;
static int held[2], go[2];

static void *end_with_it(void *unused)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    give(held[1], 'h');
    CHECK(take(go[0]) == 'g');
    return unused;
}

static pthread_t start_owner(thread_body *body)
{
    pthread_t owner = start(body, NULL);
    CHECK(take(held[0]) == 'h');
    return owner;
}

static void end_owner(pthread_t owner)
{
    give(go[1], 'g');
    join(owner);
}

/* Only one of the waiters can be the next owner. */
static void *lock_and_spoil(void *timed)
{
    struct timespec limit = in_an_hour();
    int error = timed ? pthread_mutex_timedlock(&mutex, &limit) : pthread_mutex_lock(&mutex);
    if (error == EOWNERDEAD)
        CHECK(pthread_mutex_unlock(&mutex) == 0);
    return (void *)errno_name(error);
}

static void spoil_with_waiters(void)
{
    pthread_t owner = start_owner(end_with_it), waiters[WAITERS];
    for (int i = 0; i < WAITERS; i++)
        waiters[i] = start(lock_and_spoil, i % 2 ? "timed" : NULL);
    others_run();
    end_owner(owner);
    int dead = 0, lost = 0;
    for (int i = 0; i < WAITERS; i++) {
        const char *result = join(waiters[i]);
        dead += strcmp(result, "EOWNERDEAD") == 0;
        lost += strcmp(result, "ENOTRECOVERABLE") == 0;
    }
    printf("  of %d waiters: EOWNERDEAD %d, ENOTRECOVERABLE %d\n", WAITERS, dead, lost);
    CHECK(dead == 1 && lost == WAITERS - 1);
}

static void *come_later(void *who)
{
    struct timespec limit = in_an_hour();
    int lock = pthread_mutex_lock(&mutex), timed = pthread_mutex_timedlock(&mutex, &limit);
    int clock = pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &limit);
    int consistent = pthread_mutex_consistent(&mutex), unlock = pthread_mutex_unlock(&mutex);
    printf("  %s: lock %s, timedlock %s, clocklock %s, consistent %s, unlock %s\n", (char *)who,
           errno_name(lock), errno_name(timed), errno_name(clock), errno_name(consistent),
           errno_name(unlock));
    return NULL;
}

/* The heir may end as well: the next one hears of a dead owner again. */
static void *inherit_and_end(void *unused)
{
    CHECK(pthread_mutex_lock(&mutex) == EOWNERDEAD);
    return unused;
}

static void heirs(void)
{
    end_owner(start_owner(end_with_it));
    for (int i = 0; i < 3; i++)
        join(start(inherit_and_end, NULL));
    int error = pthread_mutex_lock(&mutex);
    CHECK(pthread_mutex_consistent(&mutex) == 0);
    printf("  after three heirs that ended: %s\n", errno_name(error));
    CHECK(error == EOWNERDEAD && pthread_mutex_unlock(&mutex) == 0);
}

static void *unlock_in_destructor(void *unused)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    CHECK(pthread_setspecific(unlocking, &mutex) == 0);
    give(held[1], 'h');
    CHECK(take(go[0]) == 'g');
    return unused;
}

static void destructor(void)
{
    end_owner(start_owner(unlock_in_destructor));
    int error = pthread_mutex_lock(&mutex);
    printf("  unlocked by a key's destructor: %s, consistent %s\n", errno_name(error),
           errno_name(pthread_mutex_consistent(&mutex)));
    CHECK(error == 0 && pthread_mutex_unlock(&mutex) == 0);
}

static void show(const char *name, int properties)
{
    puts(name);
    make_mutex(&mutex, PTHREAD_MUTEX_NORMAL, properties);
    heirs();
    destructor();
    spoil_with_waiters();
    join(start(come_later, "another"));
    come_later("main");
    /* The last one, for glibc 2.36 leaves the mutex locked. */
    printf("  trylock %s\n", errno_name(pthread_mutex_trylock(&mutex)));
    CHECK(pthread_mutex_destroy(&mutex) == 0);
    make_mutex(&mutex, PTHREAD_MUTEX_NORMAL, properties);
    end_owner(start_owner(end_with_it));
    int error = pthread_mutex_trylock(&mutex);
    printf("  made anew: %s\n", errno_name(error));
    CHECK(error == EOWNERDEAD && pthread_mutex_consistent(&mutex) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0 && pthread_mutex_destroy(&mutex) == 0);
}

int main(void)
{
    CHECK(pipe(held) == 0 && pipe(go) == 0);
    CHECK(pthread_key_create(&unlocking, unlock_mutex) == 0);
    show("private", ROBUST);
    show("process-shared", ROBUST | SHARED);
    show("inheriting", ROBUST | INHERIT);
    return 0;
}
