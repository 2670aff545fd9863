/* A file that takes long to open stops the thread that opens it and no other,
 * whether the name is slow to find, or the file to open, to make or to empty:
 * open(2), fopen(3). Each call is held at one of its requests to the file
 * system, which then fails, and once more, which is then answered.
 *
 * test: slow
 */
#include "lib/slow_fs.h"

/* The descriptor is the lowest that is free: what counts is that there is one. */
static long opened(int file)
{
    return file < 0 ? -1 : close(file);
}

static long opened_stream(FILE *stream)
{
    return stream ? fclose(stream) : -1;
}

static long call_open(void) { return opened(open("file", O_RDONLY)); }
static long call_open64(void) { return opened(open64("file", O_RDWR)); }
static long call_openat(void) { return opened(openat(AT_FDCWD, "file", O_RDONLY)); }
static long call_openat64(void) { return opened(openat64(AT_FDCWD, "file", O_RDONLY)); }
static long call_path(void) { return opened(open("file", O_PATH)); }
static long call_missing(void) { return opened(open("missing", O_RDONLY)); }
static long call_link(void) { return opened(open("link", O_RDONLY)); }
static long call_truncate(void) { return opened(open("file", O_WRONLY | O_TRUNC)); }
static long call_creat_old(void) { return opened(creat("file", 0600)); }
static long call_creat(void) { return opened(creat("by_creat", 0600)); }
static long call_creat64(void) { return opened(creat64("by_creat64", 0600)); }
static long call_append(void) { return opened(open("file", O_WRONLY | O_APPEND)); }
static long call_direct(void) { return opened(open("directory", O_DIRECTORY)); }

static long call_new(void)
{
    return opened(open("new", O_CREAT | O_EXCL | O_WRONLY, 0600));
}

/* Now it is there, and no request but the look-up is made. */
static long call_exclusive(void)
{
    return opened(open("file", O_CREAT | O_EXCL | O_WRONLY, 0600));
}

static long call_fopen(void) { return opened_stream(fopen("file", "r")); }
static long call_fopen64(void) { return opened_stream(fopen64("file", "r+")); }
static long call_fopen_new(void) { return opened_stream(fopen("by_fopen", "w")); }
static long call_fopen_append(void) { return opened_stream(fopen("file", "a")); }
static long call_fopen_x(void) { return opened_stream(fopen("by_fopen_x", "wx")); }

/* If it fails, the stream is closed and gone all the same. */
static FILE *stream_to_reopen(void)
{
    FILE *stream = fopen("/dev/null", "r");
    CHECK(stream);
    return stream;
}

static long call_freopen(void)
{
    return opened_stream(freopen("file", "r", stream_to_reopen()));
}

static long call_freopen_empty(void)
{
    return opened_stream(freopen64("file", "w", stream_to_reopen()));
}

static const struct slow_call calls[] = {
    { "open", FUSE_OPEN, call_open },
    { "open, the name", FUSE_LOOKUP, call_open },
    { "open64", FUSE_OPEN, call_open64 },
    { "openat", FUSE_OPEN, call_openat },
    { "openat64", FUSE_OPEN, call_openat64 },
    { "open, O_PATH", FUSE_LOOKUP, call_path },
    { "open, no such file", FUSE_LOOKUP, call_missing },
    { "open, a symbolic link", FUSE_READLINK, call_link },
    { "open, O_TRUNC", FUSE_SETATTR, call_truncate },
    { "open, O_APPEND", FUSE_OPEN, call_append },
    { "open, O_DIRECTORY", FUSE_OPENDIR, call_direct },
    { "open, O_CREAT | O_EXCL", FUSE_CREATE, call_new },
    { "open, O_CREAT | O_EXCL, exists", FUSE_LOOKUP, call_exclusive },
    { "creat", FUSE_CREATE, call_creat },
    { "creat64", FUSE_CREATE, call_creat64 },
    { "creat, exists", FUSE_SETATTR, call_creat_old },
    { "fopen", FUSE_OPEN, call_fopen },
    { "fopen64", FUSE_OPEN, call_fopen64 },
    { "fopen to write", FUSE_CREATE, call_fopen_new },
    { "fopen to append", FUSE_OPEN, call_fopen_append },
    { "fopen, exclusive", FUSE_CREATE, call_fopen_x },
    { "freopen", FUSE_OPEN, call_freopen },
    { "freopen64 to write", FUSE_SETATTR, call_freopen_empty },
};

int main(void)
{
    slow_fs_start();
    slow_write_file("file", "text");
    CHECK(symlink("file", "link") == 0 && mkdir("directory", 0700) == 0);
    slow_calls(calls, COUNT(calls));
    slow_fs_stop();
    return 0;
}
