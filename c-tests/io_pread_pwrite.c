/* Reads and writes at a place leave the file position alone; those with
 * offset -1 use it; pipes have no places, and preadv2() with offset -1 waits
 * on one like read(): pread(2), readv(2).
 */
#include "lib/check.h"
#include <sys/uio.h>

static void *read_pipe(void *argument)
{
    char text[4];
    struct iovec piece = { text, 4 };
    CHECK(preadv2(*(int *)argument, &piece, 1, -1, 0) == 4);
    CHECK(memcmp(text, "late", 4) == 0);
    return NULL;
}

int main(void)
{
    char text[16];
    struct iovec halves[] = { { text, 3 }, { text + 3, 3 } };
    int file = temporary_file(0), ends[2];
    CHECK(pipe(ends) == 0);

    CHECK(pwrite(file, "abcdef", 6, 10) == 6);
    CHECK(pread(file, text, 16, 12) == 4 && memcmp(text, "cdef", 4) == 0);
    CHECK(pread(file, text, 16, 16) == 0);
    CHECK(pread(file, text, 16, 1000) == 0);
    CHECK(preadv(file, halves, 2, 10) == 6 && memcmp(text, "abcdef", 6) == 0);
    CHECK(pwritev(file, halves, 2, 0) == 6);
    CHECK(lseek(file, 0, SEEK_CUR) == 0);
    puts("the position did not move");

    CHECK(pwritev2(file, halves, 2, -1, 0) == 6);
    CHECK(lseek(file, 0, SEEK_CUR) == 6);
    CHECK(preadv2(file, halves, 2, -1, 0) == 6);
    CHECK(memcmp(text, "\0\0\0\0ab", 6) == 0);
    CHECK(lseek(file, 0, SEEK_CUR) == 12);
    CHECK(preadv2(file, halves, 2, 0, RWF_HIPRI) == 6);
    CHECK(memcmp(text, "abcdef", 6) == 0);
    puts("offset -1 moves it");

    pthread_t reader = start(read_pipe, &ends[0]);
    others_run();
    struct iovec word = { "late", 4 };
    CHECK(pwritev2(ends[1], &word, 1, -1, 0) == 4);
    join(reader);
    puts("preadv2 waits on a pipe");

    FAILS(ESPIPE, pread(ends[0], text, 1, 0));
    FAILS(ESPIPE, pwrite(ends[1], text, 1, 0));
    FAILS(ESPIPE, preadv(ends[0], halves, 2, 0));
    FAILS(ESPIPE, pwritev(ends[1], halves, 2, 0));
    FAILS(ESPIPE, preadv2(ends[0], halves, 2, 0, 0));
    FAILS(ESPIPE, pwritev2(ends[1], halves, 2, 0, 0));
    FAILS(ESPIPE, lseek(ends[0], 0, SEEK_CUR));
    FAILS(EINVAL, pread(file, text, 1, -1));
    FAILS(EINVAL, pwrite(file, text, 1, -1));
    FAILS(EOPNOTSUPP, preadv2(file, halves, 2, 0, 0x4000));
    FAILS(EAGAIN, preadv2(ends[0], halves, 2, -1, RWF_NOWAIT));
    return 0;
}
