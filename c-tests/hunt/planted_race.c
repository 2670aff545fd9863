/* A fault to be found: a table is set up at its first use, and whoever does it does not look again under the lock. Two
 * threads that both find it not set up do it one after the other, and what was counted in between is lost.
 *
 * The window is between the look and the lock. Natively it is some ten nanoseconds wide and the threads come to it about a
 * millisecond apart, so the program passes. It fails where a thread is switched at pthread_mutex_lock(3) and another one
 * takes its first look meanwhile.
 *
 * Exit status 0 and "4 visits", or 1 and "lost: N visits of 4".
 */
#include "../lib/check.h"

enum { VISITORS = 4, SITES = 16 };

static struct {
    pthread_mutex_t lock;
    volatile int ready;
    int expected, visits[SITES];
} table = { .lock = PTHREAD_MUTEX_INITIALIZER, .visits = { -1 } };

static void set_up_table(void)
{
    if (table.ready)
        return;
    pthread_mutex_lock(&table.lock);
    memset(table.visits, 0, sizeof table.visits); /* the fault: somebody else may have done it by now */
    table.ready = 1;
    pthread_mutex_unlock(&table.lock);
}

/* What a visitor has to do before: about a millisecond more for each one. */
static unsigned prepare(unsigned visitor)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < visitor * 800000; i++)
        sum = sum * 31 + (i ^ sum >> 7);
    return sum;
}

static void *visit(void *argument)
{
    unsigned site = prepare(*(unsigned *)argument) % SITES;

    set_up_table();
    pthread_mutex_lock(&table.lock);
    table.visits[site]++;
    pthread_mutex_unlock(&table.lock);
    return NULL;
}

int main(void)
{
    pthread_t threads[VISITORS];
    unsigned numbers[VISITORS];
    int visits = 0;

    pthread_mutex_lock(&table.lock);
    table.expected = VISITORS;
    pthread_mutex_unlock(&table.lock);
    for (unsigned i = 0; i < VISITORS; i++) {
        numbers[i] = i;
        threads[i] = start(visit, &numbers[i]);
    }
    for (int i = 0; i < VISITORS; i++)
        join(threads[i]);
    for (int i = 0; i < SITES; i++)
        visits += table.visits[i];
    if (visits != table.expected) {
        printf("lost: %d visits of %d\n", visits, table.expected);
        return 1;
    }
    printf("%d visits\n", visits);
    return 0;
}
