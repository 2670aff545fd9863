/* Under load, closed descriptor numbers come back at once as descriptors of
 * another kind: no reader gets stuck, none sees another's data: close(2),
 * dup(2) ("lowest-numbered").
 */
#include "lib/check.h"
#include <sys/eventfd.h>

enum { THREADS = 8, ROUNDS = 250 };

struct exchange {
    int reader;
    uint64_t expected;
};

/* 8 bytes each time, an eventfd's natural size. */
static void *read_word(void *argument)
{
    const struct exchange *exchange = argument;
    uint64_t word;
    CHECK(read_all(exchange->reader, &word, sizeof word) == sizeof word);
    CHECK(word == exchange->expected);
    return NULL;
}

/* Opens ends[0] for reading and ends[1] for writing, of one of four kinds. */
static void open_ends(int kind, int ends[2])
{
    switch (kind) {
    case 0:
        CHECK(pipe(ends) == 0);
        break;
    case 1:
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
        break;
    case 2:
        ends[0] = eventfd(0, 0);
        ends[1] = dup(ends[0]);
        CHECK(ends[0] >= 0 && ends[1] >= 0);
        break;
    default:
        tcp_pair(ends);
    }
}

static void *exercise(void *argument)
{
    long self = (long)argument;
    for (long round = 0; round < ROUNDS; round++) {
        int ends[2];
        open_ends((int)(self + round) % 4, ends);
        struct exchange exchange = { ends[0], (uint64_t)(self << 32 | round) + 1 };
        if (round % 5 == 0) {
            pthread_t reader = start(read_word, &exchange);
            write_all(ends[1], &exchange.expected, 8);
            join(reader);
        } else {
            write_all(ends[1], &exchange.expected, 8);
            read_word(&exchange);
        }
        CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (long i = 0; i < THREADS; i++)
        threads[i] = start(exercise, (void *)i);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    printf("%d exchanges over reused numbers\n", THREADS * ROUNDS);
    return 0;
}
