/* Four threads add up the numbers from 1 to 1000, a quarter each; the exit
 * status is 5, so that a lost one shows: pthread_create(3), exit(3).
 */
#include "../lib/check.h"

enum { THREADS = 4, LAST = 1000, STATUS = 5 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int total;

static void *add_quarter(void *argument)
{
    int first = *(int *)argument;
    for (int number = first; number <= LAST; number += THREADS) {
        pthread_mutex_lock(&lock);
        total += number;
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    int firsts[THREADS];

    for (int index = 0; index < THREADS; index++) {
        firsts[index] = index + 1;
        threads[index] = start(add_quarter, &firsts[index]);
    }
    for (int index = 0; index < THREADS; index++)
        join(threads[index]);
    printf("the sum is %d\n", total);
    return STATUS;
}
