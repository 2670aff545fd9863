/* A process-shared semaphore works among the threads of this process and with
 * another process; who waits holds up nobody else: sem_init(3), sem_wait(3).
 */
#include "lib/peer.h"
#include <semaphore.h>

enum { THREADS = 5, ROUNDS = 1000, PLACES = 3 };

struct shared {
    sem_t there, back, places;
    int inside, most;
};

static struct shared *shared;

static void visit(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(sem_wait(&shared->places) == 0);
        int now = __atomic_add_fetch(&shared->inside, 1, __ATOMIC_SEQ_CST);
        if (now > __atomic_load_n(&shared->most, __ATOMIC_SEQ_CST))
            __atomic_store_n(&shared->most, now, __ATOMIC_SEQ_CST);
        if (i % 10 == 0)
            sched_yield();
        __atomic_sub_fetch(&shared->inside, 1, __ATOMIC_SEQ_CST);
        CHECK(sem_post(&shared->places) == 0);
    }
}

static void answer(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(sem_wait(&shared->there) == 0);
        CHECK(sem_post(&shared->back) == 0);
    }
}

static void ask(void)
{
    struct timespec limit = in_an_hour();
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(sem_post(&shared->there) == 0);
        if (i % 2)
            CHECK(sem_wait(&shared->back) == 0);
        else
            CHECK(sem_timedwait(&shared->back, &limit) == 0);
    }
}

static int be_peer(void)
{
    answer();
    visit();
    CHECK(take(PEER_WIRE) == 'p');
    CHECK(sem_post(&shared->back) == 0);
    return 0;
}

static void *answer_thread(void *unused)
{
    answer();
    return unused;
}

static void *visit_thread(void *unused)
{
    visit();
    return unused;
}

static void *wait_once(void *unused)
{
    CHECK(sem_wait(&shared->back) == 0);
    return unused;
}

int main(int argc, char **argv)
{
    shared = shared_memory(sizeof *shared, is_peer(argc, argv));
    if (is_peer(argc, argv))
        return be_peer();
    CHECK(sem_init(&shared->there, 1, 0) == 0);
    CHECK(sem_init(&shared->back, 1, 0) == 0);
    CHECK(sem_init(&shared->places, 1, PLACES) == 0);
    struct timespec limit = in_20_ms();
    FAILS(EAGAIN, sem_trywait(&shared->back));
    FAILS(ETIMEDOUT, sem_timedwait(&shared->back, &limit));

    pthread_t thread = start(wait_once, NULL);
    others_run();
    CHECK(sem_post(&shared->back) == 0);
    join(thread);
    puts("posted by a thread");
    thread = start(answer_thread, NULL);
    ask();
    join(thread);
    printf("%d questions to a thread\n", ROUNDS);

    struct peer peer = start_peer();
    ask();
    printf("%d questions to the peer\n", ROUNDS);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(visit_thread, NULL);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    thread = start(wait_once, NULL);
    others_run();
    give(peer.wire, 'p');
    join(thread);
    puts("posted by the peer");
    end_peer(peer);

    int value;
    CHECK(sem_getvalue(&shared->places, &value) == 0);
    printf("never more than %d inside: %s, value at the end: %d\n", PLACES,
           shared->most <= PLACES ? "yes" : "no", value);
    CHECK(shared->most <= PLACES && shared->most > 0 && value == PLACES);
    CHECK(sem_destroy(&shared->back) == 0);
    return 0;
}
