/* One blocking write() of 1 MiB into a pipe returns only when all is written,
 * however slow the reader is, and the bytes keep their order: pipe(7).
 */
#include "lib/check.h"

enum { SIZE = 1 << 20, PIECE = 4093 };

static void *write_everything(void *argument)
{
    int fd = *(int *)argument;
    unsigned char *data = malloc(SIZE);
    CHECK(data);
    pattern_fill(data, SIZE, 0);
    CHECK(write(fd, data, SIZE) == SIZE);
    free(data);
    close(fd);
    return NULL;
}

int main(void)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    pthread_t writer = start(write_everything, &ends[1]);

    size_t total = 0;
    for (int turn = 0;; turn++) {
        unsigned char piece[PIECE];
        if (turn % 64 == 0)
            others_run();
        ssize_t count = read(ends[0], piece, sizeof piece);
        CHECK(count >= 0);
        if (count == 0)
            break;
        pattern_check(piece, (size_t)count, total);
        total += (size_t)count;
    }
    join(writer);
    CHECK(total == SIZE);
    printf("%zu bytes in order\n", total);
    return 0;
}
