/* One thread holds a lock almost always: it gives it up only around each write(2), which never has to
 * wait. Another thread gets the lock all the same, two hundred times, because threads are preempted inside
 * that call, too: sched(7). The lock is CPython's global interpreter lock in small, a flag with a
 * condition; whoever waits in vain for 5 ms asks for it.
 *
 * test: slow
 * test: env=GREEN_SLICE_MS=10
 */
#include "lib/check.h"
#include "lib/deadline.h"

enum { ROUNDS = 200 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t given_up = PTHREAD_COND_INITIALIZER;
static int held;
static long holders;
static volatile int asked_for, stop;
static int ends[2], begun[2];

static void take_lock(void)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    while (held) {
        long before = holders;
        struct timespec limit = time_in(CLOCK_REALTIME, 5);
        if (pthread_cond_timedwait(&given_up, &mutex, &limit) == ETIMEDOUT && held && holders == before)
            asked_for = 1;
    }
    held = 1;
    holders++;
    asked_for = 0;
    CHECK(pthread_mutex_unlock(&mutex) == 0);
}

static void give_lock_up(void)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    held = 0;
    CHECK(pthread_cond_signal(&given_up) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
}

static void *write_on(void *unused)
{
    take_lock();
    give(begun[1], 'b');
    while (!stop) {
        for (volatile int i = 0; i < 300; i++)
            ;
        if (asked_for) {
            give_lock_up();
            take_lock();
        }
        give_lock_up();
        give(ends[1], 'x');
        take_lock();
    }
    give_lock_up();
    return unused;
}

int main(void)
{
    CHECK(pipe(ends) == 0 && pipe(begun) == 0);
    pid_t reader = fork();
    CHECK(reader >= 0);
    if (reader == 0) {
        char bytes[4096];
        close(ends[1]);
        while (read(ends[0], bytes, sizeof bytes) > 0)
            ;
        _exit(0);
    }
    pthread_t writer = start(write_on, NULL);
    CHECK(take(begun[0]) == 'b');
    for (int i = 0; i < ROUNDS; i++) {
        struct timespec moment = { 0, 1000000 };
        nanosleep(&moment, NULL);       /* the writer has the lock again */
        take_lock();
        give_lock_up();
    }
    stop = 1;
    join(writer);
    close(ends[1]);
    CHECK(waitpid(reader, NULL, 0) == reader);
    printf("taken %d times\n", ROUNDS);
    return 0;
}
