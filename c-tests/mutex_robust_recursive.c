/* A thread ends with a recursive robust mutex that it locked twice: the next
 * owner starts at depth one, and counts as ever once the mutex is consistent:
 * pthread_mutex_consistent(3), pthread_mutexattr_settype(3).
 *
 * test: timeout=20
 */
#include "lib/pshared.h"

static pthread_mutex_t mutex;
static int held[2], go[2], trying[2], depth;

static void *end_at_depth(void *unused)
{
    for (int i = 0; i < depth; i++)
        CHECK(pthread_mutex_lock(&mutex) == 0);
    give(held[1], 'h');
    CHECK(take(go[0]) == 'g');
    return unused;
}

static void *try_once(void *unused)
{
    (void)unused;
    return (void *)errno_name(pthread_mutex_trylock(&mutex));
}

static const char *another(void)
{
    return join(start(try_once, NULL));
}

static void *take_over(void *unused)
{
    give(trying[1], 't');
    int error = pthread_mutex_lock(&mutex);
    printf("  next: %s, another's trylock %s\n", errno_name(error), another());
    CHECK(error == EOWNERDEAD);
    CHECK(pthread_mutex_consistent(&mutex) == 0);
    CHECK(pthread_mutex_lock(&mutex) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    printf("  locked and unlocked once more: another's trylock %s\n", another());
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == EPERM);
    return unused;
}

static void show(const char *name, int properties)
{
    for (depth = 1; depth <= 3; depth++) {
        for (int waits = 0; waits <= 1; waits++) {
            printf("%s, depth %d, the next one %s\n", name, depth,
                   waits ? "waits" : "comes later");
            make_mutex(&mutex, PTHREAD_MUTEX_RECURSIVE, properties);
            pthread_t owner = start(end_at_depth, NULL), next = owner;
            CHECK(take(held[0]) == 'h');
            if (waits) {
                next = start(take_over, NULL);
                CHECK(take(trying[0]) == 't');
                others_run();
            }
            give(go[1], 'g');
            join(owner);
            if (!waits) {
                next = start(take_over, NULL);
                CHECK(take(trying[0]) == 't');
            }
            join(next);
            /* This one ends with it, so it is taken again. */
            printf("  free: another's trylock %s\n", another());
            CHECK(pthread_mutex_trylock(&mutex) == EOWNERDEAD);
            CHECK(pthread_mutex_lock(&mutex) == 0);
            int error = pthread_mutex_unlock(&mutex);
            printf("  locked twice before it is consistent: unlock %s, another's trylock %s\n",
                   errno_name(error), another());
            CHECK(pthread_mutex_consistent(&mutex) == 0);
            CHECK(pthread_mutex_unlock(&mutex) == 0);
            CHECK(pthread_mutex_destroy(&mutex) == 0);
        }
    }
}

int main(void)
{
    CHECK(pipe(held) == 0 && pipe(go) == 0 && pipe(trying) == 0);
    show("private", ROBUST);
    show("process-shared", ROBUST | SHARED);
    show("inheriting", ROBUST | INHERIT);
    return 0;
}
