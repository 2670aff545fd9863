/* At a process-shared barrier the threads of this process and another process
 * wait for each other; one of them is told apart in each round; who waits holds
 * up nobody else: pthread_barrierattr_setpshared(3), pthread_barrier_wait(3).
 */
#include "lib/peer.h"

enum { THREADS = 3, ROUNDS = 500 };

struct shared {
    pthread_barrier_t barrier;
    int arrived, serials;
};

static struct shared *shared;

static void wait_at_barrier(void)
{
    int result = pthread_barrier_wait(&shared->barrier);
    if (result == PTHREAD_BARRIER_SERIAL_THREAD)
        __atomic_add_fetch(&shared->serials, 1, __ATOMIC_SEQ_CST);
    else
        CHECK(result == 0);
}

static void meet(int parties)
{
    for (int round = 1; round <= ROUNDS; round++) {
        __atomic_add_fetch(&shared->arrived, 1, __ATOMIC_SEQ_CST);
        wait_at_barrier();
        CHECK(__atomic_load_n(&shared->arrived, __ATOMIC_SEQ_CST) == round * parties);
        wait_at_barrier();
    }
}

static int be_peer(void)
{
    CHECK(take(PEER_WIRE) == 'm');
    meet(THREADS + 1);
    return 0;
}

static void *meet_thread(void *parties)
{
    meet(*(int *)parties);
    return NULL;
}

static void make_barrier(int parties)
{
    pthread_barrierattr_t attributes;
    CHECK(pthread_barrierattr_init(&attributes) == 0);
    CHECK(pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0);
    CHECK(pthread_barrier_init(&shared->barrier, &attributes, (unsigned)parties) == 0);
    CHECK(pthread_barrierattr_destroy(&attributes) == 0);
    shared->arrived = shared->serials = 0;
}

static void show(const char *who, pthread_t threads[THREADS])
{
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    printf("%s: %d arrivals, %d told apart\n", who, shared->arrived, shared->serials);
    CHECK(shared->serials == 2 * ROUNDS);
}

int main(int argc, char **argv)
{
    shared = shared_memory(sizeof *shared, is_peer(argc, argv));
    if (is_peer(argc, argv))
        return be_peer();
    pthread_t threads[THREADS];

    int parties = THREADS;
    make_barrier(parties);
    for (int i = 0; i < THREADS; i++) {
        threads[i] = start(meet_thread, &parties);
        others_run();
    }
    show("threads", threads);
    CHECK(pthread_barrier_destroy(&shared->barrier) == 0);

    int with_peer = THREADS + 1;
    make_barrier(with_peer);
    struct peer peer = start_peer();
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(meet_thread, &with_peer);
    others_run();
    CHECK(shared->serials == 0);
    give(peer.wire, 'm');
    /* The peer may be the one told apart last: let it end before counting. */
    end_peer(peer);
    show("with the peer", threads);
    CHECK(pthread_barrier_destroy(&shared->barrier) == 0);
    return 0;
}
