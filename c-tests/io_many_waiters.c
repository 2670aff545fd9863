/* Twenty threads wait in read() on one pipe: each of twenty bytes goes to
 * exactly one of them, whether they come one by one or all at once: pipe(7).
 */
#include "lib/check.h"

enum { WAITERS = 20 };

static void *read_one(void *argument)
{
    return (void *)(long)take(*(int *)argument);
}

static void round_of(int at_once)
{
    int ends[2], seen[WAITERS] = { 0 };
    char bytes[WAITERS];
    pthread_t waiters[WAITERS];
    CHECK(pipe(ends) == 0);

    for (int i = 0; i < WAITERS; i++) {
        bytes[i] = (char)i;
        waiters[i] = start(read_one, &ends[0]);
    }
    others_run();
    if (at_once)
        CHECK(write(ends[1], bytes, WAITERS) == WAITERS);
    for (int i = 0; i < WAITERS && !at_once; i++)
        give(ends[1], bytes[i]);
    for (int i = 0; i < WAITERS; i++)
        seen[(long)join(waiters[i])]++;
    for (int i = 0; i < WAITERS; i++)
        CHECK(seen[i] == 1);
    close(ends[0]), close(ends[1]);
}

int main(void)
{
    round_of(0);
    puts("one by one: each byte to one reader");
    round_of(1);
    puts("all at once: each byte to one reader");
    return 0;
}
