/* Threads of this process, of a native one and of another like this one contend
 * for process-shared robust mutexes of every type; each kind tells its owner
 * from the others; a shared condition works with them, and returns EOWNERDEAD
 * when the one who signals dies: pthread_mutexattr_setrobust(3),
 * pthread_cond_wait(3posix).
 *
 * test: timeout=30
 */
#include "lib/crowd.h"
#include "lib/pshared.h"

enum { THREADS = 3, PROCESSES = 3, ROUNDS = 200, PASSES = 400 };

struct shared {
    pthread_mutex_t mutex;
    pthread_cond_t turn[2], condition;
    int counter, ball, flag;
};

static struct shared *shared;

static void *count_up(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        lock_mutex(&shared->mutex);
        int seen = shared->counter;
        if (i % 20 == 0)
            sched_yield();
        shared->counter = seen + 1;
        unlock_mutex(&shared->mutex);
    }
    return unused;
}

static void play(int side)
{
    lock_mutex(&shared->mutex);
    while (shared->ball < PASSES) {
        if (shared->ball % 2 == side) {
            shared->ball++;
            CHECK(pthread_cond_signal(&shared->turn[!side]) == 0);
        } else {
            CHECK(pthread_cond_wait(&shared->turn[side], &shared->mutex) == 0);
        }
    }
    unlock_mutex(&shared->mutex);
}

static void *play_thread(void *side)
{
    play(*(int *)side);
    return NULL;
}

/* Gets the mutex only when somebody waits. */
__attribute__((noreturn)) static void signal_and_die(void)
{
    lock_mutex(&shared->mutex);
    shared->flag = 1;
    CHECK(pthread_cond_signal(&shared->condition) == 0);
    _exit(0);
}

/* Holds the mutex until it waits. */
static void wait_for_dead(void (*ready)(void))
{
    int error = 0;
    CHECK(pthread_mutex_lock(&shared->mutex) == 0);
    shared->flag = 0;
    ready();
    while (!shared->flag && error == 0)
        error = pthread_cond_wait(&shared->condition, &shared->mutex);
    CHECK(error == EOWNERDEAD && shared->flag);
    CHECK(pthread_mutex_consistent(&shared->mutex) == 0);
    unlock_mutex(&shared->mutex);
}

static void tell_ready(void) { give(PEER_WIRE, 'r'); }

static int be_other(void)
{
    for (;;) {
        switch (take(PEER_WIRE)) {
        case 'c':
            run_together(THREADS, count_up, NULL);
            break;
        case 'h':
            lock_mutex(&shared->mutex);
            give(PEER_WIRE, 'h');
            CHECK(take(PEER_WIRE) == 'u');
            unlock_mutex(&shared->mutex);
            break;
        case 'p':
            play(1);
            break;
        case 'w':
            wait_for_dead(tell_ready);
            give(PEER_WIRE, 'd');
            return 0;
        default:
            signal_and_die();
        }
        give(PEER_WIRE, 'd');
    }
}

static struct peer signaller;

static void tell_signaller(void) { give(signaller.wire, 's'); }

static void *wait_thread(void *unused)
{
    wait_for_dead(tell_signaller);
    return unused;
}

static void *lock_once(void *unused)
{
    lock_mutex(&shared->mutex);
    unlock_mutex(&shared->mutex);
    return unused;
}

static void held_by(struct peer peer, const char *who)
{
    struct timespec soon = in_20_ms();
    give(peer.wire, 'h');
    CHECK(take(peer.wire) == 'h');
    int try = pthread_mutex_trylock(&shared->mutex);
    int timed = pthread_mutex_timedlock(&shared->mutex, &soon);
    int unlock = pthread_mutex_unlock(&shared->mutex);
    pthread_t waiter = start(lock_once, NULL);
    others_run();
    give(peer.wire, 'u');
    CHECK(take(peer.wire) == 'd');
    join(waiter);
    printf("  held by %s: trylock %s, 20 ms %s, unlock %s, others run\n", who, errno_name(try),
           errno_name(timed), errno_name(unlock));
}

static void show(const char *name, int type, int properties)
{
    int side = 0;
    puts(name);
    make_mutex(&shared->mutex, type, properties | ROBUST | SHARED);
    shared->counter = shared->ball = 0;
    struct peer native = start_part("native", NATIVE), like_us = start_part("like us", LIKE_US);

    held_by(native, "a native process");
    held_by(like_us, "one like us");

    give(native.wire, 'c'), give(like_us.wire, 'c');
    run_together(THREADS, count_up, NULL);
    CHECK(take(native.wire) == 'd' && take(like_us.wire) == 'd');
    printf("  counted to %d\n", shared->counter);
    CHECK(shared->counter == PROCESSES * THREADS * ROUNDS);

    pthread_t player = start(play_thread, &side);
    others_run();
    give(native.wire, 'p');
    join(player);
    CHECK(take(native.wire) == 'd');
    printf("  %d passes\n", shared->ball);

    give(native.wire, 'w');
    CHECK(take(native.wire) == 'r');
    give(like_us.wire, 's');
    CHECK(take(native.wire) == 'd');
    end_peer(like_us), end_peer(native);
    puts("  one like us signals and dies: EOWNERDEAD for a native process");

    signaller = start_part("native", NATIVE);
    pthread_t waiter = start(wait_thread, NULL);
    others_run();
    join(waiter);
    end_peer(signaller);
    puts("  a native process signals and dies: EOWNERDEAD for a thread");

    lock_mutex(&shared->mutex), unlock_mutex(&shared->mutex);
    CHECK(pthread_mutex_destroy(&shared->mutex) == 0);
}

int main(int argc, char **argv)
{
    shared = shared_memory(sizeof *shared, part_of(argc, argv) != NULL);
    if (part_of(argc, argv))
        return be_other();
    for (int i = 0; i < 2; i++)
        make_shared_cond(&shared->turn[i]);
    make_shared_cond(&shared->condition);
    show("normal", PTHREAD_MUTEX_NORMAL, 0);
    show("recursive", PTHREAD_MUTEX_RECURSIVE, 0);
    show("errorcheck", PTHREAD_MUTEX_ERRORCHECK, 0);
    show("normal, inheriting", PTHREAD_MUTEX_NORMAL, INHERIT);
    show("recursive, inheriting", PTHREAD_MUTEX_RECURSIVE, INHERIT);
    return 0;
}
