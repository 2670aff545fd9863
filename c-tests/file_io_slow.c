/* Writing a slow file by descriptor, and copying it inside the kernel, stops
 * the thread that does it and no other: write(2), pwrite(2), ftruncate(2),
 * fallocate(2), posix_fadvise(2), copy_file_range(2), sendfile(2), splice(2).
 * Each call is held at its request to the file system, which then fails, and
 * once more, which is then answered.
 *
 * test: slow
 */
#include "lib/slow_fs.h"
#include <sys/sendfile.h>

static char buffer[100];
static int file, cached, other, pipe_ends[2], sockets[2];

/* Two pieces of four bytes each. */
static const struct iovec pieces[2] = { { buffer, 4 }, { buffer + 4, 4 } };

static int from_start(int descriptor)
{
    CHECK(lseek(descriptor, 0, SEEK_SET) == 0);
    return descriptor;
}

static long call_write(void) { return write(from_start(file), "a slow file", 11); }
static long call_pwrite(void) { return pwrite(file, "A", 1, 0); }
static long call_pwrite64(void) { return pwrite64(file, "S", 1, 2); }
static long call_writev(void) { return writev(from_start(file), pieces, 2); }
static long call_pwritev(void) { return pwritev(file, pieces, 2, 1); }
static long call_pwritev64(void) { return pwritev64(file, pieces, 2, 1); }
static long call_pwritev2(void) { return pwritev2(file, pieces, 2, 1, 0); }
static long call_ftruncate(void) { return ftruncate(file, 20); }
static long call_ftruncate64(void) { return ftruncate64(file, 22); }
static long call_truncate(void) { return truncate("file", 30); }
static long call_truncate64(void) { return truncate64("file", 32); }
static long call_fallocate(void) { return fallocate(file, 0, 0, 40); }
static long call_fallocate64(void) { return fallocate64(file, 0, 0, 42); }

/* These return the error. */
static long call_posix_fallocate(void) { return posix_fallocate(file, 0, 50); }
static long call_posix_fallocate64(void) { return posix_fallocate64(file, 0, 52); }

static long call_append(void)
{
    int descriptor = open("file", O_WRONLY | O_APPEND);
    return slow_closed(descriptor, write(descriptor, "more", 4));
}

/* What the kernel keeps of a cached file is gone with its next open. */
static int cold(void)
{
    int again = open("cached", O_RDWR);
    CHECK(again >= 0 && dup2(again, cached) == cached && close(again) == 0);
    return cached;
}

static long call_cached_write(void) { return write(cold(), "text", 4); }
static long call_readahead(void) { return readahead(cold(), 0, 4096); }

static long call_posix_fadvise(void)
{
    return posix_fadvise(cold(), 0, 4096, POSIX_FADV_WILLNEED);
}

static long call_copy_file_range(void)
{
    return copy_file_range(from_start(file), NULL, from_start(other), NULL, 9, 0);
}

static long call_sendfile(void)
{
    return sendfile(sockets[0], cold(), &(off_t){ 0 }, 8);
}

static long call_sendfile64(void)
{
    return sendfile64(pipe_ends[1], cold(), NULL, 8);
}

static long call_sendfile_to(void)
{
    return sendfile(from_start(file), cold(), &(off_t){ 0 }, 8);
}

static long call_splice(void)
{
    return splice(cold(), NULL, pipe_ends[1], NULL, 8, 0);
}

static long call_splice_to(void)
{
    CHECK(write(pipe_ends[1], "to splice", 9) == 9);
    return splice(pipe_ends[0], NULL, from_start(file), NULL, 4, 0);
}

static const struct slow_call calls[] = {
    { "write", FUSE_WRITE, call_write },
    { "pwrite", FUSE_WRITE, call_pwrite },
    { "pwrite64", FUSE_WRITE, call_pwrite64 },
    { "writev", FUSE_WRITE, call_writev },
    { "pwritev", FUSE_WRITE, call_pwritev },
    { "pwritev64", FUSE_WRITE, call_pwritev64 },
    { "pwritev2", FUSE_WRITE, call_pwritev2 },
    { "write, O_APPEND", FUSE_WRITE, call_append },
    { "ftruncate", FUSE_SETATTR, call_ftruncate },
    { "ftruncate64", FUSE_SETATTR, call_ftruncate64 },
    { "truncate", FUSE_SETATTR, call_truncate },
    { "truncate64", FUSE_SETATTR, call_truncate64 },
    { "fallocate", FUSE_FALLOCATE, call_fallocate },
    { "fallocate64", FUSE_FALLOCATE, call_fallocate64 },
    { "posix_fallocate", FUSE_FALLOCATE, call_posix_fallocate },
    { "posix_fallocate64", FUSE_FALLOCATE, call_posix_fallocate64 },
    { "write through the cache", FUSE_WRITE, call_cached_write },
    { "readahead", FUSE_READ, call_readahead },
    { "posix_fadvise, POSIX_FADV_WILLNEED", FUSE_READ, call_posix_fadvise },
    { "copy_file_range", FUSE_COPY_FILE_RANGE, call_copy_file_range },
    { "sendfile to a socket", FUSE_READ, call_sendfile },
    { "sendfile64 to a pipe", FUSE_READ, call_sendfile64 },
    { "sendfile to a file", FUSE_WRITE, call_sendfile_to },
    { "splice to a pipe", FUSE_READ, call_splice },
    { "splice from a pipe", FUSE_WRITE, call_splice_to },
};

int main(void)
{
    slow_fs_start();
    slow_write_file("file", "a slow file");
    slow_write_file("cached", "a slow cached file");
    slow_write_file("other", "");
    CHECK((file = open("file", O_RDWR)) >= 0 && (other = open("other", O_RDWR)) >= 0);
    CHECK((cached = open("cached", O_RDWR)) >= 0);
    CHECK(pipe(pipe_ends) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
    slow_calls(calls, COUNT(calls));
    CHECK(pread(file, buffer, sizeof buffer, 0) == 52);
    printf("file: %.11s\n", buffer);
    slow_fs_stop();
    return 0;
}
