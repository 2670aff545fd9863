/* A process-shared read-write lock lets readers in together and a writer alone,
 * across threads and another process; who waits holds up nobody else:
 * pthread_rwlockattr_setpshared(3), pthread_rwlock_rdlock(3).
 */
#include "lib/peer.h"

enum { THREADS = 4, ROUNDS = 1000 };

struct shared {
    pthread_rwlock_t lock;
    int left, right;
};

static struct shared *shared;
static int wires[2];

static void unlock(void)
{
    CHECK(pthread_rwlock_unlock(&shared->lock) == 0);
}

/* A writer keeps left and right the same; a reader never sees them differ. */
static void read_and_write(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        if (i % 4 == 0) {
            CHECK(pthread_rwlock_wrlock(&shared->lock) == 0);
            shared->left++;
            if (i % 20 == 0)
                sched_yield();
            shared->right++;
        } else {
            CHECK(pthread_rwlock_rdlock(&shared->lock) == 0);
            int seen = shared->left;
            if (i % 10 == 1)
                sched_yield();
            CHECK(shared->left == seen && shared->right == seen);
        }
        unlock();
    }
}

/* Holds it twice, as told: first as a writer, then as a reader. */
static int be_peer(void)
{
    CHECK(pthread_rwlock_wrlock(&shared->lock) == 0);
    give(PEER_WIRE, 'w');
    CHECK(take(PEER_WIRE) == 'u');
    unlock();
    CHECK(take(PEER_WIRE) == 'r');
    CHECK(pthread_rwlock_rdlock(&shared->lock) == 0);
    give(PEER_WIRE, 'r');
    CHECK(take(PEER_WIRE) == 'u');
    unlock();
    CHECK(take(PEER_WIRE) == 'c');
    read_and_write();
    return 0;
}

static void *use_thread(void *unused)
{
    read_and_write();
    return unused;
}

static void *read_once(void *unused)
{
    CHECK(pthread_rwlock_rdlock(&shared->lock) == 0);
    unlock();
    return unused;
}

static void *write_once(void *unused)
{
    struct timespec limit = in_an_hour();
    CHECK(pthread_rwlock_timedwrlock(&shared->lock, &limit) == 0);
    unlock();
    return unused;
}

static void *hold_until_told(void *held)
{
    CHECK(pthread_rwlock_wrlock(&shared->lock) == 0);
    give(*(int *)held, 'w');
    CHECK(take(wires[0]) == 'u');
    unlock();
    return NULL;
}

static void wait_for_writer(const char *who, int holder)
{
    struct timespec limit = in_20_ms();
    CHECK(pthread_rwlock_tryrdlock(&shared->lock) == EBUSY);
    CHECK(pthread_rwlock_timedrdlock(&shared->lock, &limit) == ETIMEDOUT);
    pthread_t reader = start(read_once, NULL), writer = start(write_once, NULL);
    others_run();
    give(holder, 'u');
    join(reader), join(writer);
    printf("%s writes: readers and writers waited\n", who);
}

static void wait_for_reader(int holder)
{
    struct timespec limit = in_20_ms();
    CHECK(pthread_rwlock_trywrlock(&shared->lock) == EBUSY);
    CHECK(pthread_rwlock_timedwrlock(&shared->lock, &limit) == ETIMEDOUT);
    join(start(read_once, NULL));
    pthread_t writer = start(write_once, NULL);
    others_run();
    give(holder, 'u');
    join(writer);
    puts("the peer reads: readers went on, writers waited");
}

int main(int argc, char **argv)
{
    shared = shared_memory(sizeof *shared, is_peer(argc, argv));
    if (is_peer(argc, argv))
        return be_peer();
    pthread_rwlockattr_t attributes;
    CHECK(pthread_rwlockattr_init(&attributes) == 0);
    CHECK(pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0);
    CHECK(pthread_rwlock_init(&shared->lock, &attributes) == 0);
    CHECK(pipe(wires) == 0);

    int held[2];
    CHECK(pipe(held) == 0);
    pthread_t holder = start(hold_until_told, &held[1]);
    CHECK(take(held[0]) == 'w');
    wait_for_writer("a thread", wires[1]);
    join(holder);

    struct peer peer = start_peer();
    CHECK(take(peer.wire) == 'w');
    wait_for_writer("the peer", peer.wire);
    give(peer.wire, 'r');
    CHECK(take(peer.wire) == 'r');
    wait_for_reader(peer.wire);

    give(peer.wire, 'c');
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(use_thread, NULL);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    end_peer(peer);
    printf("%d threads and the peer wrote %d times\n", THREADS, shared->left);
    CHECK(shared->left == shared->right);
    CHECK(shared->left == (THREADS + 1) * ROUNDS / 4);
    CHECK(pthread_rwlock_destroy(&shared->lock) == 0);
    return 0;
}
