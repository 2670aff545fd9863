/* More threads than a barrier has places go through it in groups: each round
 * takes as many as there are places, one of them serial, and the next round may
 * begin before the last one has left. The serial thread may destroy it and make
 * it anew, or free its memory: pthread_barrier_wait(3posix), pthread_barrier_init(3posix).
 */
#include "lib/check.h"
#include <semaphore.h>
#include <sys/mman.h>

enum { PLACES = 3, THREADS = 4 * PLACES, ROUNDS = 300 };

static pthread_barrier_t barrier;
static sem_t next;
static int passed, serials, tickets;

static void add(int *number) { __atomic_add_fetch(number, 1, __ATOMIC_SEQ_CST); }

static int wait_at(pthread_barrier_t *which)
{
    int result = pthread_barrier_wait(which);
    CHECK(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
    add(&passed);
    if (result != PTHREAD_BARRIER_SERIAL_THREAD)
        return 0;
    add(&serials);
    return 1;
}

/* As many tickets as fill all rounds: nobody is left waiting for a group. */
static void *go_through(void *unused)
{
    int ticket;
    while ((ticket = __atomic_fetch_sub(&tickets, 1, __ATOMIC_SEQ_CST)) > 0) {
        wait_at(&barrier);
        if (ticket % 50 == 0)
            sched_yield();
    }
    return unused;
}

/* All others of the round may still be on their way out. */
static void *renew(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        if (wait_at(&barrier)) {
            CHECK(pthread_barrier_destroy(&barrier) == 0);
            memset(&barrier, 0xa5, sizeof barrier);
            CHECK(pthread_barrier_init(&barrier, NULL, PLACES) == 0);
            for (int j = 1; j < PLACES; j++)
                CHECK(sem_post(&next) == 0);
        } else {
            CHECK(sem_wait(&next) == 0);
        }
    }
    return unused;
}

/* The memory goes at once: a late look at it is a crash. */
static void *unmap(void *page)
{
    if (wait_at(page)) {
        CHECK(pthread_barrier_destroy(page) == 0);
        CHECK(munmap(page, 4096) == 0);
    }
    return NULL;
}

static void run(const char *name, thread_body *body, void *argument, int count)
{
    pthread_t threads[THREADS];
    passed = serials = 0;
    tickets = ROUNDS * PLACES;
    for (int i = 0; i < count; i++)
        threads[i] = start(body, argument);
    for (int i = 0; i < count; i++)
        join(threads[i]);
    if (name)
        printf("%s: %d passed, %d serial\n", name, passed, serials);
}

int main(void)
{
    CHECK(sem_init(&next, 0, 0) == 0);
    printf("more than there can be: %s\n",
           errno_name(pthread_barrier_init(&barrier, NULL, UINT_MAX)));
    CHECK(pthread_barrier_init(&barrier, NULL, 1) == 0);
    run("alone", go_through, NULL, 1);
    run("alone, four at a time", go_through, NULL, 4);
    CHECK(pthread_barrier_destroy(&barrier) == 0);

    CHECK(pthread_barrier_init(&barrier, NULL, PLACES) == 0);
    run("in groups", go_through, NULL, THREADS);
    run("made anew", renew, NULL, PLACES);
    CHECK(pthread_barrier_destroy(&barrier) == 0);

    int rounds = 0;
    for (; rounds < 50; rounds++) {
        void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(page != MAP_FAILED && pthread_barrier_init(page, NULL, PLACES) == 0);
        run(NULL, unmap, page, PLACES);
        CHECK(passed == PLACES && serials == 1);
    }
    printf("unmapped at once: %d times\n", rounds);
    return 0;
}
