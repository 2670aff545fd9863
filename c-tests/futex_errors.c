/* What futex calls refuse, and what they look at first: the operation, the
 * address, the bits, the time, then the value: futex(2).
 */
#include "lib/check.h"
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static unsigned word = 5, other;
static char *odd = (char *)&word + 2;
static void *unreadable;
static const struct timespec past = { 1, 0 }, negative = { -1, 0 }, too_long = { 1, 1000000000 };

static void show(const char *what, void *at, int operation, unsigned value,
                 const void *time_or_count, void *to, unsigned last)
{
    long result = syscall(SYS_futex, at, operation, value, time_or_count, to, last);
    printf("%s: %s\n", what, result == -1 ? errno_name(errno) : result == 0 ? "0" : "more");
}

static void waits(void)
{
    show("wait, changed", &word, FUTEX_WAIT_PRIVATE, 4, NULL, NULL, 0);
    show("wait, changed, past", &word, FUTEX_WAIT_BITSET_PRIVATE, 4, &past, NULL, 1);
    show("wait, changed, no bits", &word, FUTEX_WAIT_BITSET_PRIVATE, 4, &past, NULL, 0);
    show("wait, changed, bad time", &word, FUTEX_WAIT_PRIVATE, 4, &too_long, NULL, 0);
    show("wait, negative", &word, FUTEX_WAIT_PRIVATE, 5, &negative, NULL, 0);
    show("wait, before 1970", &word, FUTEX_WAIT_BITSET_PRIVATE, 5, &negative, NULL, 1);
    show("wait, past", &word, FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, 5, &past, NULL, 1);
    show("wait, odd address", odd, FUTEX_WAIT_PRIVATE, 5, &past, NULL, 0);
    show("wait, not private, changed", &word, FUTEX_WAIT, 4, NULL, NULL, 0);
    show("wait, not private, past", &word, FUTEX_WAIT_BITSET, 5, &past, NULL, 1);
}

static void wakes(void)
{
    show("wake none", &word, FUTEX_WAKE_PRIVATE, 0, NULL, NULL, 0);
    show("wake all", &word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
    show("wake, no bits", &word, FUTEX_WAKE_BITSET_PRIVATE, 1, NULL, NULL, 0);
    show("wake, odd address", odd, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    show("wake, not private", &word, FUTEX_WAKE, 1, NULL, NULL, 0);
    show("wake, not private, odd address", odd, FUTEX_WAKE, 1, NULL, NULL, 0);
    show("wake by a clock", &word, FUTEX_WAKE_PRIVATE | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 0);
}

static void requeues(void)
{
    int cmp = FUTEX_CMP_REQUEUE_PRIVATE;
    show("requeue nobody", &word, cmp, 1, (void *)1L, &other, 5);
    show("requeue, changed", &word, cmp, 1, (void *)1L, &other, 4);
    show("requeue to an odd address", &word, cmp, 1, (void *)1L, odd, 5);
    show("requeue from an odd address", odd, cmp, 1, (void *)1L, &other, 5);
    show("requeue, wake -1", &word, cmp, (unsigned)-1, (void *)1L, &other, 5);
    show("requeue -1", &word, cmp, 1, (void *)-1L, &other, 5);
    show("requeue, not private", &word, FUTEX_CMP_REQUEUE, 1, (void *)1L, &other, 5);
    show("requeue without a look", &word, FUTEX_REQUEUE_PRIVATE, 1, (void *)1L, &other, 4);
    show("no such operation", &word, 99 | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
}

/* Memory that cannot be read is an error, not a signal. */
static void faults(void)
{
    show("wait, unreadable", unreadable, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    show("wait, unreadable, bits", unreadable, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, 1);
    show("wait, unreadable time", &word, FUTEX_WAIT_PRIVATE, 5, unreadable, NULL, 0);
    show("wait, no address", NULL, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    show("wake, unreadable", unreadable, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    show("requeue, unreadable", unreadable, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)1L, &other, 0);
}

static void *refused(void *unused)
{
    waits();
    wakes();
    requeues();
    fflush(stdout);
    faults();
    return unused;
}

int main(void)
{
    unreadable = mmap(NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(unreadable != MAP_FAILED);
    join(start(refused, NULL));
    return 0;
}
