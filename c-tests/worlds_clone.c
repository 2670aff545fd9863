/* A kernel thread of the program's own, made by clone(2) with no TLS of its own
 * as some language runtimes do, exchanges thousands of messages with the threads
 * of pthread_create through pipes and futexes: futex(2), pipe(7). The kernel
 * tells its end by waking the futex of CLONE_CHILD_CLEARTID.
 *
 * It has its creator's FS register, so it calls no libc function: it makes its
 * system calls itself, and a result that is wrong is a trap.
 */
#include "lib/check.h"
#include "lib/raw_thread.h"

enum { ROUNDS = 3000 };

static unsigned turn, shared_turn;
static int there[2], back[2];

/* ---- pipes --------------------------------------------------------------------- */

static int raw_echo(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        char byte;
        RAW_CHECK(raw(SYS_read, there[0], (long)&byte, 1, 0) == 1);
        byte++;
        RAW_CHECK(raw(SYS_write, back[1], (long)&byte, 1, 0) == 1);
    }
    return 0;
}

static void *ask(void *unused)
{
    for (int i = 0; i < ROUNDS / 2; i++) {
        give(there[1], (char)i);
        take(back[0]);
    }
    return unused;
}

static void by_pipe(void)
{
    struct raw_thread raw_thread;
    CHECK(pipe(there) == 0 && pipe(back) == 0);
    raw_start(&raw_thread, raw_echo, NULL);
    pthread_t one = start(ask, NULL), two = start(ask, NULL);
    others_run();
    join(one), join(two);
    raw_join(&raw_thread);
    printf("by pipe: %d rounds\n", ROUNDS);
}

/* ---- it waits on a private futex, we wake it and wait for a pipe ------------------ */

static int raw_await_turns(void *unused)
{
    (void)unused;
    for (unsigned i = 1; i <= ROUNDS; i++) {
        unsigned seen;
        while ((seen = __atomic_load_n(&turn, __ATOMIC_SEQ_CST)) < i) {
            long result = raw(SYS_futex, (long)&turn, FUTEX_WAIT_PRIVATE, seen, 0);
            RAW_CHECK(result == 0 || result == -EAGAIN);
        }
        RAW_CHECK(seen == i);
        RAW_CHECK(raw(SYS_write, back[1], (long)"t", 1, 0) == 1);
    }
    return 0;
}

static void *give_turns(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        __atomic_fetch_add(&turn, 1, __ATOMIC_SEQ_CST);
        CHECK(syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) >= 0);
        CHECK(take(back[0]) == 't');
    }
    return unused;
}

static void by_private_futex(void)
{
    struct raw_thread raw_thread;
    raw_start(&raw_thread, raw_await_turns, NULL);
    pthread_t giver = start(give_turns, NULL);
    others_run();
    join(giver);
    raw_join(&raw_thread);
    printf("woken by a private futex: %u times\n", turn);
}

/* ---- both wait on a futex that is not private ------------------------------------- */

/* Even numbers are the turn of one side, odd ones that of the other. */
static int raw_alternate(void *unused)
{
    (void)unused;
    for (unsigned i = 1; i < 2 * ROUNDS; i += 2) {
        unsigned seen;
        while ((seen = __atomic_load_n(&shared_turn, __ATOMIC_SEQ_CST)) < i) {
            long result = raw(SYS_futex, (long)&shared_turn, FUTEX_WAIT, seen, 0);
            RAW_CHECK(result == 0 || result == -EAGAIN);
        }
        RAW_CHECK(seen == i);
        __atomic_store_n(&shared_turn, i + 1, __ATOMIC_SEQ_CST);
        RAW_CHECK(raw(SYS_futex, (long)&shared_turn, FUTEX_WAKE, 1, 0) >= 0);
    }
    return 0;
}

static void *alternate(void *unused)
{
    for (unsigned i = 0; i < 2 * ROUNDS; i += 2) {
        unsigned seen;
        while ((seen = __atomic_load_n(&shared_turn, __ATOMIC_SEQ_CST)) < i)
            CHECK(syscall(SYS_futex, &shared_turn, FUTEX_WAIT, seen, NULL, NULL, 0) == 0
                  || errno == EAGAIN);
        CHECK(seen == i);
        __atomic_store_n(&shared_turn, i + 1, __ATOMIC_SEQ_CST);
        CHECK(syscall(SYS_futex, &shared_turn, FUTEX_WAKE, 1, NULL, NULL, 0) >= 0);
    }
    return unused;
}

static void by_shared_futex(void)
{
    struct raw_thread raw_thread;
    pthread_t ours = start(alternate, NULL);
    others_run();
    raw_start(&raw_thread, raw_alternate, NULL);
    join(ours);
    raw_join(&raw_thread);
    printf("by a futex that is not private: %u turns\n", shared_turn);
}

int main(void)
{
    by_pipe();
    by_private_futex();
    by_shared_futex();
    return 0;
}
