/* A thread ends, and its process lives on, with a robust, priority-inheriting,
 * process-shared mutex that threads of a native process wait for: one of them
 * gets EOWNERDEAD, and after it the others get the mutex:
 * pthread_mutexattr_setrobust(3), pthread_mutexattr_setprotocol(3posix).
 *
 * test: timeout=20
 */
#include "lib/pshared.h"

enum { WAITERS = 3 };

struct shared {
    pthread_mutex_t mutex;
};

static struct shared *shared;
static int held[2], go[2];

static void *hold(void *unused)
{
    lock_mutex(&shared->mutex);
    give(held[1], 'h');
    CHECK(take(go[0]) == 'g');
    return unused;
}

static void *take_over(void *unused)
{
    (void)unused;
    give(PEER_WIRE, 't');
    int error = pthread_mutex_lock(&shared->mutex);
    if (error == EOWNERDEAD)
        CHECK(pthread_mutex_consistent(&shared->mutex) == 0);
    else
        CHECK(error == 0);
    unlock_mutex(&shared->mutex);
    give(PEER_WIRE, error == 0 ? '0' : 'D');
    return NULL;
}

static int be_heirs(void)
{
    pthread_t heirs[WAITERS];
    for (int i = 0; i < WAITERS; i++)
        heirs[i] = start(take_over, NULL);
    for (int i = 0; i < WAITERS; i++)
        join(heirs[i]);
    return 0;
}

int main(int argc, char **argv)
{
    shared = shared_memory(sizeof *shared, part_of(argc, argv) != NULL);
    if (part_of(argc, argv))
        return be_heirs();
    CHECK(pipe(held) == 0 && pipe(go) == 0);
    make_mutex(&shared->mutex, PTHREAD_MUTEX_NORMAL, ROBUST | SHARED | INHERIT);
    pthread_t owner = start(hold, NULL);
    CHECK(take(held[0]) == 'h');
    struct peer heirs = start_part("heirs", NATIVE);
    for (int i = 0; i < WAITERS; i++)
        CHECK(take(heirs.wire) == 't');
    others_run();
    give(go[1], 'g');
    join(owner);
    int dead = 0;
    for (int i = 0; i < WAITERS; i++)
        dead += take(heirs.wire) == 'D';
    end_peer(heirs);
    printf("of %d native waiters %d got EOWNERDEAD\n", WAITERS, dead);
    CHECK(dead == 1);
    return 0;
}
