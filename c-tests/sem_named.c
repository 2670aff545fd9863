/* A named semaphore works among the threads of this process and with another
 * process that opens it by name; who waits holds up nobody else; it lives on
 * after sem_unlink: sem_open(3), sem_unlink(3), sem_overview(7).
 */
#include "lib/peer.h"
#include "lib/semaphores.h"
#include <semaphore.h>

enum { THREADS = 5, ROUNDS = 500 };

struct shared {
    char there[40], back[40];
};

static struct shared *shared;
static sem_t *there, *back;

static void answer(int count)
{
    for (int i = 0; i < count; i++) {
        CHECK(sem_wait(there) == 0);
        CHECK(sem_post(back) == 0);
    }
}

static void ask(int count)
{
    for (int i = 0; i < count; i++) {
        CHECK(sem_post(there) == 0);
        CHECK(sem_wait(back) == 0);
    }
}

static int be_peer(void)
{
    CHECK((there = sem_open(shared->there, 0)) != SEM_FAILED);
    CHECK((back = sem_open(shared->back, 0)) != SEM_FAILED);
    give(PEER_WIRE, 'o');
    answer(ROUNDS);
    CHECK(take(PEER_WIRE) == 'p');
    for (int i = 0; i < THREADS; i++)
        CHECK(sem_post(back) == 0);
    CHECK(sem_close(there) == 0 && sem_close(back) == 0);
    return 0;
}

static void *answer_thread(void *unused)
{
    answer(ROUNDS);
    return unused;
}

static void *wait_once(void *timed)
{
    struct timespec limit = in_an_hour();
    CHECK((timed ? sem_timedwait(back, &limit) : sem_wait(back)) == 0);
    return NULL;
}

int main(int argc, char **argv)
{
    shared = shared_memory(sizeof *shared, is_peer(argc, argv));
    if (is_peer(argc, argv))
        return be_peer();
    there = open_new(shared->there, "there");
    back = open_new(shared->back, "back");
    CHECK(sem_open(shared->there, O_CREAT | O_EXCL, 0600, 0) == SEM_FAILED);
    printf("again, exclusively: %s\n", errno_name(errno));
    sem_t *same = sem_open(shared->back, 0);
    printf("opened again: the same: %s\n", same == back ? "yes" : "no");

    struct peer peer = start_peer();
    CHECK(take(peer.wire) == 'o');
    CHECK(sem_unlink(shared->there) == 0 && sem_unlink(shared->back) == 0);
    FAILS(ENOENT, sem_unlink(shared->back));

    ask(ROUNDS);
    printf("%d questions to the peer\n", ROUNDS);

    struct timespec limit = in_20_ms();
    FAILS(ETIMEDOUT, sem_timedwait(back, &limit));
    FAILS(EAGAIN, sem_trywait(back));
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(wait_once, i % 2 ? "timed" : NULL);
    others_run();
    give(peer.wire, 'p');
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    end_peer(peer);
    puts("posted by the peer");

    pthread_t thread = start(answer_thread, NULL);
    ask(ROUNDS);
    join(thread);
    printf("%d questions to a thread\n", ROUNDS);
    thread = start(wait_once, NULL);
    others_run();
    CHECK(sem_post(same) == 0);
    join(thread);
    puts("posted by a thread");
    CHECK(sem_close(same) == 0 && sem_close(back) == 0 && sem_close(there) == 0);
    return 0;
}
