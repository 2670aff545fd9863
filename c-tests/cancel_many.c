/* A thousand parked threads at a time are created, cancelled and joined, twenty
 * times over: memory does not grow and no descriptor stays behind:
 * pthread_cancel(3).
 *
 * test: timeout=60
 */
#include "lib/check.h"
#include "lib/mutexes.h"
#include "lib/usage.h"
#include <semaphore.h>

enum { THREADS = 1000, ROUNDS = 20, WARM = 5, GROWTH_KIB = 8 * 1024 };

static int quiet[2];
static sem_t about_to_wait, never;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static void *in_read(void *unused)
{
    CHECK(sem_post(&about_to_wait) == 0);
    take(quiet[0]);
    return unused;
}

static void *in_sem_wait(void *unused)
{
    void *block = malloc(2000);
    CHECK(block);
    pthread_cleanup_push(free, block);
    CHECK(sem_post(&about_to_wait) == 0);
    sem_wait(&never);
    pthread_cleanup_pop(1);
    return unused;
}

static void *in_cond_wait(void *unused)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    pthread_cleanup_push(unlock_mutex, &mutex);
    CHECK(sem_post(&about_to_wait) == 0);
    for (;;)
        pthread_cond_wait(&condition, &mutex);
    pthread_cleanup_pop(1);
    return unused;
}

static void *in_nanosleep(void *unused)
{
    struct timespec hour = { 3600, 0 };
    CHECK(sem_post(&about_to_wait) == 0);
    nanosleep(&hour, NULL);
    return unused;
}

static thread_body *bodies[] = { in_read, in_sem_wait, in_cond_wait, in_nanosleep };

static void cancel_a_thousand(void)
{
    static pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        threads[i] = start(bodies[i % COUNT(bodies)], NULL);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(sem_wait(&about_to_wait) == 0);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_cancel(threads[i]) == 0);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(join(threads[i]) == PTHREAD_CANCELED);
}

int main(void)
{
    CHECK(pipe(quiet) == 0);
    CHECK(sem_init(&about_to_wait, 0, 0) == 0 && sem_init(&never, 0, 0) == 0);
    int round = 0;
    for (; round < WARM; round++)
        cancel_a_thousand();
    long resident = resident_kib();
    int open_before = descriptors();
    for (; round < ROUNDS; round++)
        cancel_a_thousand();
    long growth = resident_kib() - resident;
    int open_after = descriptors();
    if (growth > GROWTH_KIB)
        fprintf(stderr, "grew by %ld KiB\n", growth);
    printf("%d rounds of %d, memory bounded: %s, descriptors unchanged: %s\n",
           round, THREADS, growth <= GROWTH_KIB ? "yes" : "no",
           open_before == open_after ? "yes" : "no");
    CHECK(growth <= GROWTH_KIB && open_before == open_after);
    return 0;
}
