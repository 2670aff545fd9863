/* C11 condition variables: signals wake one waiter, broadcasts all, timed waits
 * end, and waiting holds up nobody else: C11 7.26.3, cnd_wait(3).
 */
#include "lib/c11.h"

enum { THREADS = 10, PASSES = 2000 };

static mtx_t mutex;
static cnd_t condition, all_here, turn[2];
static int here, tickets, ball;

static void lock(void) { CHECK(mtx_lock(&mutex) == thrd_success); }
static void unlock(void) { CHECK(mtx_unlock(&mutex) == thrd_success); }

static int wait_for_ticket(void *timed)
{
    struct timespec limit = in_milliseconds(3600 * 1000);
    lock();
    if (++here == THREADS)
        CHECK(cnd_signal(&all_here) == thrd_success);
    while (tickets == 0) {
        if (timed)
            CHECK(cnd_timedwait(&condition, &mutex, &limit) == thrd_success);
        else
            CHECK(cnd_wait(&condition, &mutex) == thrd_success);
    }
    tickets--, here--;
    unlock();
    return 0;
}

static int play(void *argument)
{
    int side = *(int *)argument, moves = 0;
    lock();
    while (ball < PASSES) {
        if (ball % 2 == side) {
            ball++, moves++;
            CHECK(cnd_signal(&turn[!side]) == thrd_success);
        } else {
            CHECK(cnd_wait(&turn[side], &mutex) == thrd_success);
        }
    }
    unlock();
    return moves;
}

static void wake_all(const char *name, int at_once)
{
    thrd_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = start_c11(wait_for_ticket, i % 2 ? "timed" : NULL);
    lock();
    while (here < THREADS)
        CHECK(cnd_wait(&all_here, &mutex) == thrd_success);
    unlock();
    others_run();
    for (int i = 0; i < (at_once ? 1 : THREADS); i++) {
        lock();
        tickets += at_once ? THREADS : 1;
        CHECK((at_once ? cnd_broadcast : cnd_signal)(&condition) == thrd_success);
        unlock();
    }
    for (int i = 0; i < THREADS; i++)
        join_c11(threads[i]);
    printf("%s: all went on, %d left\n", name, here);
}

int main(void)
{
    CHECK(mtx_init(&mutex, mtx_timed) == thrd_success);
    cnd_t *all[] = { &condition, &all_here, &turn[0], &turn[1] };
    for (size_t i = 0; i < COUNT(all); i++)
        CHECK(cnd_init(all[i]) == thrd_success);
    CHECK(cnd_signal(&condition) == thrd_success);
    CHECK(cnd_broadcast(&condition) == thrd_success);

    wake_all("signals", 0);
    wake_all("broadcast", 1);

    int sides[] = { 0, 1 };
    thrd_t left = start_c11(play, &sides[0]), right = start_c11(play, &sides[1]);
    int left_moves = join_c11(left);
    printf("%d passes, %d and %d moves\n", ball, left_moves, join_c11(right));

    lock();
    struct timespec limit = in_milliseconds(20), past = { 1, 0 };
    int result;
    while ((result = cnd_timedwait(&condition, &mutex, &limit)) == thrd_success)
        ;
    CHECK(result == thrd_timedout);
    CHECK(cnd_timedwait(&condition, &mutex, &past) == thrd_timedout);
    puts("cnd_timedwait: thrd_timedout");
    unlock();
    for (size_t i = 0; i < COUNT(all); i++)
        cnd_destroy(all[i]);
    mtx_destroy(&mutex);
    return 0;
}
