/* Closing a slow file, and bringing mapped data to its disk, stops the thread
 * that does it and no other: close(2), dup2(2), close_range(2), msync(2),
 * sync_file_range(2), syncfs(2). Each call is held at its request to the file system, which
 * then fails, and once more, which is then answered.
 */
#include "lib/slow_fs.h"
#include <sys/mman.h>

static int cached, directory;
static char *mapping;

static int opened(int flags)
{
    int descriptor = open("file", flags);
    CHECK(descriptor >= 0);
    return descriptor;
}

/* Closed is closed, with or without an error. */
static long call_close(void)
{
    int descriptor = opened(O_WRONLY);
    long result = close(descriptor);
    int error = errno;
    CHECK(close(descriptor) == -1 && errno == EBADF);
    errno = error;
    return result;
}

/* An error of the implied close is lost. */
static long call_dup2(void)
{
    int descriptor = opened(O_WRONLY);
    CHECK(dup2(directory, descriptor) == descriptor);
    return close(descriptor);
}

static long call_dup3(void)
{
    int descriptor = opened(O_WRONLY);
    CHECK(dup3(directory, descriptor, O_CLOEXEC) == descriptor);
    return close(descriptor);
}

static long call_close_range(void)
{
    unsigned descriptor = (unsigned)opened(O_WRONLY);
    return close_range(descriptor, descriptor, 0);
}

static long call_msync(void)
{
    mapping[0]++;
    return msync(mapping, 4096, MS_SYNC);
}

static long call_sync_file_range(void)
{
    mapping[0]++;
    return sync_file_range(cached, 0, 0, SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE
                                             | SYNC_FILE_RANGE_WAIT_AFTER);
}

static long call_syncfs(void)
{
    mapping[0]++;
    return syncfs(cached);
}

static const struct slow_call calls[] = {
    { "close", FUSE_FLUSH, call_close },
    { "dup2", FUSE_FLUSH, call_dup2 },
    { "dup3", FUSE_FLUSH, call_dup3 },
    { "close_range", FUSE_FLUSH, call_close_range },
    { "msync", FUSE_FSYNC, call_msync },
};

/* Some kernels wait for what has been sent to a FUSE server, others do not. */
static const struct slow_call written[] = {
    { "msync, its write", FUSE_WRITE, call_msync },
    { "sync_file_range", FUSE_WRITE, call_sync_file_range },
    { "syncfs", FUSE_WRITE, call_syncfs },
};

int main(void)
{
    slow_fs_start();
    slow_write_file("file", "text");
    slow_write_file("cached", "text");
    CHECK((cached = open("cached", O_RDWR)) >= 0);
    CHECK((directory = open(".", O_RDONLY)) >= 0);
    mapping = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, cached, 0);
    CHECK(mapping != MAP_FAILED && mapping[0] == 't');
    slow_calls(calls, COUNT(calls));
    for (size_t i = 0; i < COUNT(written); i++)
        slow_call(&written[i], 0);
    CHECK(munmap(mapping, 4096) == 0);
    slow_fs_stop();
    return 0;
}
