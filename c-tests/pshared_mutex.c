/* A process-shared mutex excludes the threads of this process and another
 * process; who waits for it holds up nobody else:
 * pthread_mutexattr_setpshared(3), pthread_mutex_lock(3).
 */
#include "lib/peer.h"

enum { THREADS = 4, ROUNDS = 2000 };

struct shared {
    pthread_mutex_t mutex;
    int counter;
};

static struct shared *shared;
static int wires[2];

static void count_up(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(pthread_mutex_lock(&shared->mutex) == 0);
        int seen = shared->counter;
        if (i % 20 == 0)
            sched_yield();
        shared->counter = seen + 1;
        CHECK(pthread_mutex_unlock(&shared->mutex) == 0);
    }
}

static int be_peer(void)
{
    CHECK(pthread_mutex_lock(&shared->mutex) == 0);
    give(PEER_WIRE, 'h');
    CHECK(take(PEER_WIRE) == 'u');
    CHECK(pthread_mutex_unlock(&shared->mutex) == 0);
    CHECK(take(PEER_WIRE) == 'c');
    count_up();
    return 0;
}

static void *count_thread(void *unused)
{
    count_up();
    return unused;
}

static void *lock_once(void *unused)
{
    CHECK(pthread_mutex_lock(&shared->mutex) == 0);
    CHECK(pthread_mutex_unlock(&shared->mutex) == 0);
    return unused;
}

static void *timedlock_once(void *unused)
{
    struct timespec limit = in_an_hour();
    CHECK(pthread_mutex_timedlock(&shared->mutex, &limit) == 0);
    CHECK(pthread_mutex_unlock(&shared->mutex) == 0);
    return unused;
}

static void *hold_until_told(void *held)
{
    CHECK(pthread_mutex_lock(&shared->mutex) == 0);
    give(*(int *)held, 'h');
    CHECK(take(wires[0]) == 'u');
    CHECK(pthread_mutex_unlock(&shared->mutex) == 0);
    return NULL;
}

/* Somebody holds it until told by a byte to `holder`. */
static void wait_for(const char *who, int holder)
{
    struct timespec limit = in_20_ms();
    CHECK(pthread_mutex_trylock(&shared->mutex) == EBUSY);
    CHECK(pthread_mutex_timedlock(&shared->mutex, &limit) == ETIMEDOUT);
    pthread_t waiter = start(lock_once, NULL);
    pthread_t timed = start(timedlock_once, NULL);
    others_run();
    give(holder, 'u');
    join(waiter), join(timed);
    printf("held by %s: EBUSY, ETIMEDOUT, others run, then locked\n", who);
}

static void show_type(int type, const char *name)
{
    pthread_mutexattr_t attributes;
    CHECK(pthread_mutexattr_init(&attributes) == 0);
    CHECK(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0);
    CHECK(pthread_mutexattr_settype(&attributes, type) == 0);
    CHECK(pthread_mutex_init(&shared->mutex, &attributes) == 0);
    CHECK(pthread_mutexattr_destroy(&attributes) == 0);
    shared->counter = 0;
    printf("%s\n", name);

    struct peer peer = start_peer();
    CHECK(take(peer.wire) == 'h');
    wait_for("the peer", peer.wire);

    int held[2];
    CHECK(pipe(held) == 0);
    pthread_t holder = start(hold_until_told, &held[1]);
    CHECK(take(held[0]) == 'h');
    wait_for("a thread", wires[1]);
    join(holder);
    close(held[0]), close(held[1]);

    give(peer.wire, 'c');
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(count_thread, NULL);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    end_peer(peer);
    printf("%d threads and the peer counted to %d\n", THREADS, shared->counter);
    CHECK(shared->counter == (THREADS + 1) * ROUNDS);

    CHECK(pthread_mutex_lock(&shared->mutex) == 0);
    int again = pthread_mutex_trylock(&shared->mutex);
    printf("again by the holder: %s\n", errno_name(again));
    if (again == 0)
        CHECK(pthread_mutex_unlock(&shared->mutex) == 0);
    CHECK(pthread_mutex_unlock(&shared->mutex) == 0);
    CHECK(pthread_mutex_destroy(&shared->mutex) == 0);
}

int main(int argc, char **argv)
{
    shared = shared_memory(sizeof *shared, is_peer(argc, argv));
    if (is_peer(argc, argv))
        return be_peer();
    CHECK(pipe(wires) == 0);
    show_type(PTHREAD_MUTEX_NORMAL, "normal");
    show_type(PTHREAD_MUTEX_RECURSIVE, "recursive");
    show_type(PTHREAD_MUTEX_ERRORCHECK, "errorcheck");
    return 0;
}
