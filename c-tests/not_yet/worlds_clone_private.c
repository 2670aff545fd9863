/* A kernel thread made by clone(2), which makes its system calls itself, wakes
 * threads of pthread_create that wait on a private futex by syscall(2), and waits
 * for them the same way: futex(2).
 */
#include "lib/check.h"
#include "lib/raw_thread.h"

enum { PAIRS = 3, ROUNDS = 2000 };

static unsigned turns[PAIRS];

/* Even numbers are the turn of one side, odd ones that of the other. */
static int raw_alternate(void *argument)
{
    unsigned *turn = argument;
    for (unsigned i = 1; i < 2 * ROUNDS; i += 2) {
        unsigned seen;
        while ((seen = __atomic_load_n(turn, __ATOMIC_SEQ_CST)) < i) {
            long result = raw(SYS_futex, (long)turn, FUTEX_WAIT_PRIVATE, seen, 0);
            RAW_CHECK(result == 0 || result == -EAGAIN);
        }
        RAW_CHECK(seen == i);
        __atomic_store_n(turn, i + 1, __ATOMIC_SEQ_CST);
        RAW_CHECK(raw(SYS_futex, (long)turn, FUTEX_WAKE_PRIVATE, 1, 0) >= 0);
    }
    return 0;
}

static void *alternate(void *argument)
{
    unsigned *turn = argument;
    for (unsigned i = 0; i < 2 * ROUNDS; i += 2) {
        unsigned seen;
        while ((seen = __atomic_load_n(turn, __ATOMIC_SEQ_CST)) < i)
            CHECK(syscall(SYS_futex, turn, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0) == 0
                  || errno == EAGAIN);
        CHECK(seen == i);
        __atomic_store_n(turn, i + 1, __ATOMIC_SEQ_CST);
        CHECK(syscall(SYS_futex, turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) >= 0);
    }
    return NULL;
}

int main(void)
{
    struct raw_thread raw_threads[PAIRS];
    pthread_t threads[PAIRS];
    for (int i = 0; i < PAIRS; i++)
        threads[i] = start(alternate, &turns[i]);
    others_run();
    for (int i = 0; i < PAIRS; i++)
        raw_start(&raw_threads[i], raw_alternate, &turns[i]);
    for (int i = 0; i < PAIRS; i++)
        join(threads[i]);
    for (int i = 0; i < PAIRS; i++) {
        raw_join(&raw_threads[i]);
        printf("%u turns\n", turns[i]);
    }
    return 0;
}
