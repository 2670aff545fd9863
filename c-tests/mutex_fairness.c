/*
 * mutex_fairness: a thread that locks, blocks in I/O while it holds the lock,
 * unlocks and at once locks again does not starve a second one: that one gets
 * the lock, 10 times, while the first still loops.
 * Follows pthread_mutex_lock(3posix), which leaves the order to the scheduling
 * policy, and what programs expect of it.
 */
#include "lib/expect.h"

#include <stdatomic.h>

enum { TURNS = 10 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int request[2], reply[2];
static atomic_int turns;

static void *echo(void *unused)
{
    char byte;
    while (SYS(read(request[0], &byte, 1)) == 1)
        SYS(write(reply[1], &byte, 1));
    return unused;
}

static void *be_greedy(void *unused)
{
    char byte = 'x';
    while (turns < TURNS) {
        OK(pthread_mutex_lock(&mutex));
        SYS(write(request[1], &byte, 1));
        SYS(read(reply[0], &byte, 1));
        OK(pthread_mutex_unlock(&mutex));
    }
    return unused;
}

static void *be_modest(void *unused)
{
    for (int i = 0; i < TURNS; i++) {
        OK(pthread_mutex_lock(&mutex));
        turns++;
        OK(pthread_mutex_unlock(&mutex));
    }
    return unused;
}

int main(void)
{
    SYS(pipe(request));
    SYS(pipe(reply));
    pthread_t helper = start_thread(echo, NULL);
    pthread_t greedy = start_thread(be_greedy, NULL);
    pthread_t modest = start_thread(be_modest, NULL);
    join_thread(modest);
    join_thread(greedy);
    SYS(close(request[1]));
    join_thread(helper);
    printf("the modest thread had %d turns\n", turns);
    return 0;
}
