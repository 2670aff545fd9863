/* A fault to be found: three accounts, each with a lock, and three threads that pay in a circle. Each locks the account it
 * takes from, then the one it gives to. When all three hold the first and want the second, nobody goes on
 * (pthread_mutex_lock(3p) says nothing of order: the program must have one).
 *
 * Natively the time between the two locks is some ten nanoseconds, and three threads would have to be there together, so the
 * program passes. It hangs where each is switched at its second pthread_mutex_lock(3) before the circle is broken.
 *
 * Exit status 0 and "300 in all", or 1 and "hangs" after two seconds (alarm(2)).
 */
#include "../lib/check.h"

enum { ACCOUNTS = 3, PAYMENTS = 5 };

static struct account {
    pthread_mutex_t lock;
    long balance;
} accounts[ACCOUNTS] = {
    { PTHREAD_MUTEX_INITIALIZER, 100 },
    { PTHREAD_MUTEX_INITIALIZER, 100 },
    { PTHREAD_MUTEX_INITIALIZER, 100 },
};

static void hangs(int number)
{
    (void)number;
    CHECK(write(1, "hangs\n", 6) == 6);
    _exit(1);
}

static void pay(struct account *from, struct account *to, long amount)
{
    pthread_mutex_lock(&from->lock);
    pthread_mutex_lock(&to->lock); /* the fault: no order of locks that all keep */
    from->balance -= amount;
    to->balance += amount;
    pthread_mutex_unlock(&to->lock);
    pthread_mutex_unlock(&from->lock);
}

static void *trade(void *argument)
{
    struct account *own = argument;
    struct account *next = own + 1 == accounts + ACCOUNTS ? accounts : own + 1;
    for (int i = 1; i <= PAYMENTS; i++)
        pay(own, next, i);
    return NULL;
}

int main(void)
{
    pthread_t threads[ACCOUNTS];
    long sum = 0;

    CHECK(signal(SIGALRM, hangs) != SIG_ERR);
    alarm(2);
    for (int i = 0; i < ACCOUNTS; i++)
        threads[i] = start(trade, &accounts[i]);
    for (int i = 0; i < ACCOUNTS; i++)
        join(threads[i]);
    for (int i = 0; i < ACCOUNTS; i++)
        sum += accounts[i].balance;
    printf("%ld in all\n", sum);
    return sum == 100 * ACCOUNTS ? 0 : 1;
}
