/* A process-shared condition variable wakes the threads of this process and of
 * another; who waits holds up nobody else: pthread_condattr_setpshared(3),
 * pthread_cond_wait(3).
 */
#include "lib/peer.h"

enum { THREADS = 5, PASSES = 1000 };

struct shared {
    pthread_mutex_t mutex;
    pthread_cond_t turn[2], opened, all_here;
    int ball, here, is_open;
};

static struct shared *shared;

static void lock(void) { CHECK(pthread_mutex_lock(&shared->mutex) == 0); }
static void unlock(void) { CHECK(pthread_mutex_unlock(&shared->mutex) == 0); }

static int play(int side)
{
    int moves = 0;
    lock();
    while (shared->ball < PASSES) {
        if (shared->ball % 2 == side) {
            shared->ball++, moves++;
            CHECK(pthread_cond_signal(&shared->turn[!side]) == 0);
        } else {
            CHECK(pthread_cond_wait(&shared->turn[side], &shared->mutex) == 0);
        }
    }
    unlock();
    return moves;
}

static void wait_until_open(int timed)
{
    struct timespec limit = in_an_hour();
    lock();
    shared->here++;
    CHECK(pthread_cond_signal(&shared->all_here) == 0);
    while (!shared->is_open) {
        if (timed)
            CHECK(pthread_cond_timedwait(&shared->opened, &shared->mutex,
                                         &limit) == 0);
        else
            CHECK(pthread_cond_wait(&shared->opened, &shared->mutex) == 0);
    }
    shared->here--;
    unlock();
}

static void open_when_here(int count)
{
    lock();
    while (shared->here < count)
        CHECK(pthread_cond_wait(&shared->all_here, &shared->mutex) == 0);
    shared->is_open = 1;
    CHECK(pthread_cond_broadcast(&shared->opened) == 0);
    unlock();
}

/* Plays side 1, opens for the threads, waits until they open. */
static int be_peer(void)
{
    CHECK(play(1) == PASSES / 2);
    CHECK(take(PEER_WIRE) == 'o');
    open_when_here(THREADS);
    CHECK(take(PEER_WIRE) == 'w');
    wait_until_open(0);
    return 0;
}

static void *play_thread(void *side)
{
    CHECK(play(*(int *)side) == PASSES / 2);
    return NULL;
}

static void *wait_thread(void *timed)
{
    wait_until_open(timed != NULL);
    return NULL;
}

static void start_waiters(pthread_t threads[THREADS])
{
    shared->is_open = 0;
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(wait_thread, i % 2 ? "timed" : NULL);
}

static void join_waiters(pthread_t threads[THREADS])
{
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
}

static void make_objects(void)
{
    pthread_mutexattr_t for_mutex;
    pthread_condattr_t for_cond;
    CHECK(pthread_mutexattr_init(&for_mutex) == 0);
    CHECK(pthread_condattr_init(&for_cond) == 0);
    CHECK(pthread_mutexattr_setpshared(&for_mutex, PTHREAD_PROCESS_SHARED) == 0);
    CHECK(pthread_condattr_setpshared(&for_cond, PTHREAD_PROCESS_SHARED) == 0);
    CHECK(pthread_mutex_init(&shared->mutex, &for_mutex) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_cond_init(&shared->turn[i], &for_cond) == 0);
    CHECK(pthread_cond_init(&shared->opened, &for_cond) == 0);
    CHECK(pthread_cond_init(&shared->all_here, &for_cond) == 0);
}

int main(int argc, char **argv)
{
    shared = shared_memory(sizeof *shared, is_peer(argc, argv));
    if (is_peer(argc, argv))
        return be_peer();
    make_objects();
    pthread_t threads[THREADS], players[2];
    int sides[] = { 0, 1 };

    for (int i = 0; i < 2; i++)
        players[i] = start(play_thread, &sides[i]);
    others_run();
    join(players[0]), join(players[1]);
    printf("between threads: %d passes\n", shared->ball);

    start_waiters(threads);
    others_run();
    open_when_here(THREADS);
    join_waiters(threads);
    puts("broadcast by a thread");

    lock();
    struct timespec limit = in_20_ms();
    int error;
    while ((error = pthread_cond_timedwait(&shared->opened, &shared->mutex,
                                           &limit)) == 0)
        ;
    unlock();
    printf("timedwait: %s\n", errno_name(error));

    shared->ball = 0;
    struct peer peer = start_peer();
    players[0] = start(play_thread, &sides[0]);
    others_run();
    join(players[0]);
    printf("with the peer: %d passes\n", shared->ball);

    start_waiters(threads);
    others_run();
    give(peer.wire, 'o');
    join_waiters(threads);
    puts("broadcast by the peer");

    shared->is_open = 0;
    give(peer.wire, 'w');
    open_when_here(1);
    end_peer(peer);
    puts("broadcast to the peer");
    return 0;
}
