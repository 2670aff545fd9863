/* What it costs to hand the turn to another thread with a byte through a pipe;
 * COUNT turns in all: pipe(7), read(2), write(2).
 *
 *     pipe_handoff COUNT
 */
#include "bench.h"

struct ends {
    int from, to;
};

static long rounds;

static void *answer(void *argument)
{
    const struct ends *ends = argument;
    char byte;
    for (long round = 0; round < rounds; round++) {
        CHECK(read(ends->from, &byte, 1) == 1);
        CHECK(write(ends->to, &byte, 1) == 1);
    }
    return NULL;
}

int main(int count, char **arguments)
{
    int there[2], back[2];
    char byte = 'x';

    rounds = number_argument(count, arguments, 1, 200000) / 2;
    CHECK(pipe(there) == 0 && pipe(back) == 0);
    struct ends ends = { there[0], back[1] };
    double begin = now();
    pthread_t other = start(answer, &ends);
    for (long round = 0; round < rounds; round++) {
        CHECK(write(there[1], &byte, 1) == 1);
        CHECK(read(back[0], &byte, 1) == 1);
    }
    join(other);
    report_each("pipe_handoff", begin, rounds * 2);
    return 0;
}
