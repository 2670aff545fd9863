/* Threads that flush files to disk hold up nobody else, and wrong descriptors
 * are refused with the errno of fsync(2), sync_file_range(2), msync(2).
 */
#include "lib/crowd.h"
#include <sys/mman.h>

enum { THREADS = 6, ROUNDS = 5, SIZE = 1 << 16 };

static void *flush_own_file(void *argument)
{
    static const unsigned flags = SYNC_FILE_RANGE_WAIT_BEFORE
        | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    int file = temporary_file(0);
    unsigned char data[SIZE], back[SIZE];
    for (int round = 0; round < ROUNDS; round++) {
        pattern_fill(data, SIZE, (size_t)argument + (size_t)round);
        CHECK(pwrite(file, data, SIZE, 0) == SIZE);
        CHECK(fdatasync(file) == 0);
        CHECK(fsync(file) == 0);
        CHECK(sync_file_range(file, 0, SIZE, flags) == 0);
        CHECK(pread(file, back, SIZE, 0) == SIZE);
        CHECK(memcmp(data, back, SIZE) == 0);
    }
    void *map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(map != MAP_FAILED);
    *(char *)map = 'x';
    CHECK(msync(map, SIZE, MS_SYNC) == 0);
    CHECK(munmap(map, SIZE) == 0);
    CHECK(close(file) == 0);
    return NULL;
}

static void *errors(void *unused)
{
    int ends[2], file = temporary_file(0);
    char *page = (char *)4096;
    CHECK(pipe(ends) == 0);
    FAILS(EBADF, fsync(-1));
    FAILS(EBADF, fdatasync(-1));
    FAILS(EBADF, syncfs(-1));
    FAILS(EBADF, sync_file_range(-1, 0, 0, 0));
    FAILS(EINVAL, fsync(ends[1]));
    FAILS(EINVAL, fdatasync(ends[1]));
    FAILS(ESPIPE, sync_file_range(ends[1], 0, 0, 0));
    FAILS(EINVAL, sync_file_range(file, -1, 0, 0));
    FAILS(EINVAL, sync_file_range(file, 0, 0, 0x80));
    FAILS(ENOMEM, msync(page, 4096, MS_SYNC));
    return unused;
}

int main(void)
{
    run_numbered(THREADS, flush_own_file);
    printf("%d threads flushed\n", THREADS);
    errors(NULL);
    puts("-- the same in a thread");
    join(start(errors, NULL));
    return 0;
}
