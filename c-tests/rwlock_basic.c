/*
 * rwlock_basic: readers share, a writer excludes everybody, the try and timed
 * variants do not wait too long, and a contended lock keeps its data whole.
 * Follows pthread_rwlock_rdlock(3posix), pthread_rwlock_wrlock(3posix).
 */
#include "lib/expect.h"
#include "lib/gate.h"

enum { READERS = 6, WRITERS = 3, ROUNDS = 300 };

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t all_inside;
static long left, right;

static void *read_together(void *unused)
{
    OK(pthread_rwlock_rdlock(&lock));
    pthread_barrier_wait(&all_inside);
    OK(pthread_rwlock_unlock(&lock));
    return unused;
}

static void *try_all(void *unused)
{
    struct timespec real = time_in(CLOCK_REALTIME, 40);
    struct timespec monotonic = time_in(CLOCK_MONOTONIC, 40);
    struct timespec bad = { 1, 1000000000 };
    int error = pthread_rwlock_tryrdlock(&lock);
    show("  tryrdlock", error);
    if (!error)
        OK(pthread_rwlock_unlock(&lock));
    show("  trywrlock", pthread_rwlock_trywrlock(&lock));
    show("  timedwrlock, 40 ms", pthread_rwlock_timedwrlock(&lock, &real));
    EXPECT(reached(CLOCK_REALTIME, real));
    show("  clockwrlock, 40 ms", pthread_rwlock_clockwrlock(&lock, CLOCK_MONOTONIC, &monotonic));
    EXPECT(reached(CLOCK_MONOTONIC, monotonic));
    show("  timedwrlock, bad time", pthread_rwlock_timedwrlock(&lock, &bad));
    return unused;
}

static void *try_timed_read(void *unused)
{
    struct timespec real = time_in(CLOCK_REALTIME, 40);
    struct timespec monotonic = time_in(CLOCK_MONOTONIC, 40);
    show("  timedrdlock, 40 ms", pthread_rwlock_timedrdlock(&lock, &real));
    EXPECT(reached(CLOCK_REALTIME, real));
    show("  clockrdlock, 40 ms", pthread_rwlock_clockrdlock(&lock, CLOCK_MONOTONIC, &monotonic));
    EXPECT(reached(CLOCK_MONOTONIC, monotonic));
    return unused;
}

static void *read_often(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        OK(pthread_rwlock_rdlock(&lock));
        EXPECT(left == right);
        sched_yield();
        EXPECT(left == right);
        OK(pthread_rwlock_unlock(&lock));
    }
    return unused;
}

static void *write_often(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        OK(pthread_rwlock_wrlock(&lock));
        left++;
        sched_yield();
        right++;
        OK(pthread_rwlock_unlock(&lock));
    }
    return unused;
}

static void sharing(void)
{
    OK(pthread_barrier_init(&all_inside, NULL, READERS));
    pthread_t readers[READERS];
    for (int i = 0; i < READERS; i++)
        readers[i] = start_thread(read_together, NULL);
    for (int i = 0; i < READERS; i++)
        join_thread(readers[i]);
    printf("%d readers were inside together\n", READERS);
}

static void contention(void)
{
    pthread_t readers[READERS], writers[WRITERS];
    for (int i = 0; i < READERS; i++)
        readers[i] = start_thread(read_often, NULL);
    for (int i = 0; i < WRITERS; i++)
        writers[i] = start_thread(write_often, NULL);
    for (int i = 0; i < READERS; i++)
        join_thread(readers[i]);
    for (int i = 0; i < WRITERS; i++)
        join_thread(writers[i]);
    printf("%ld writes\n", left);
    EXPECT(left == WRITERS * ROUNDS && right == left);
}

int main(void)
{
    sharing();
    puts("held by a reader");
    OK(pthread_rwlock_rdlock(&lock));
    show("  rdlock again", pthread_rwlock_rdlock(&lock));
    OK(pthread_rwlock_unlock(&lock));
    join_thread(start_thread(try_all, NULL));
    OK(pthread_rwlock_unlock(&lock));

    puts("held by a writer");
    OK(pthread_rwlock_wrlock(&lock));
    show("  rdlock by its owner", pthread_rwlock_rdlock(&lock));
    show("  wrlock by its owner", pthread_rwlock_wrlock(&lock));
    join_thread(start_thread(try_all, NULL));
    join_thread(start_thread(try_timed_read, NULL));
    OK(pthread_rwlock_unlock(&lock));

    contention();
    show("destroy", pthread_rwlock_destroy(&lock));
    return 0;
}
