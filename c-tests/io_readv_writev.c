/* readv() and writev() treat their pieces as one buffer: gather and scatter,
 * short reads, the greatest number of pieces, a blocking writev() larger than
 * the pipe, and a partial one on a non-blocking pipe: readv(2).
 */
#include "lib/check.h"
#include <sys/uio.h>

enum { PIECES = 1024, PIECE = 300, SIZE = PIECES * PIECE };

static void cut(struct iovec *pieces, unsigned char *data)
{
    for (int i = 0; i < PIECES; i++)
        pieces[i] = (struct iovec){ data + i * PIECE, PIECE };
}

static void *write_pieces(void *argument)
{
    struct iovec pieces[PIECES];
    unsigned char *data = malloc(SIZE);
    CHECK(data);
    pattern_fill(data, SIZE, 0);
    cut(pieces, data);
    CHECK(writev(*(int *)argument, pieces, PIECES) == SIZE);
    free(data);
    return NULL;
}

static void *read_pieces(void *argument)
{
    char first[3] = "", second[5] = "";
    struct iovec pieces[] = { { first, 3 }, { NULL, 0 }, { second, 5 } };
    CHECK(readv(*(int *)argument, pieces, 3) == 6);
    CHECK(memcmp(first, "abc", 3) == 0 && memcmp(second, "def", 3) == 0);
    return NULL;
}

int main(void)
{
    int ends[2];
    CHECK(pipe(ends) == 0);

    pthread_t reader = start(read_pieces, &ends[0]);
    others_run();
    struct iovec words[] = { { "ab", 2 }, { "", 0 }, { "cde", 3 }, { "f", 1 } };
    CHECK(writev(ends[1], words, 4) == 6);
    join(reader);
    puts("gathered and scattered");

    pthread_t writer = start(write_pieces, &ends[1]);
    others_run();
    unsigned char *data = malloc(SIZE);
    CHECK(data);
    CHECK(read_all(ends[0], data, SIZE) == SIZE);
    pattern_check(data, SIZE, 0);
    join(writer);
    printf("%d pieces, %d bytes in order\n", PIECES, SIZE);

    struct iovec pieces[PIECES + 1];
    CHECK(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
    cut(pieces, data);
    ssize_t part = writev(ends[1], pieces, PIECES);
    CHECK(part > 0 && part < SIZE);
    CHECK(readv(ends[0], pieces, PIECES) == part);
    pattern_check(data, (size_t)part, 0);
    puts("partial on a non-blocking pipe");

    pieces[PIECES] = pieces[0];
    FAILS(EINVAL, readv(ends[0], pieces, PIECES + 1));
    volatile int negative = -1; /* the compiler would warn of a plain -1 */
    FAILS(EINVAL, writev(ends[1], pieces, negative));
    free(data);
    return 0;
}
