/* Reading a slow file, by descriptor or stream, and waiting until it is on its
 * disk, stops the thread that does it and no other: read(2), pread(2),
 * readv(2), fread(3), fgets(3), getline(3), fscanf(3), fsync(2). Each call is
 * held at its request to the file system, which then fails, and once more,
 * which is then answered.
 *
 * test: slow
 */
#include "lib/slow_fs.h"
#include <wchar.h>

static char buffer[100];
static int file, directory;
static FILE *stream;

/* ---- by descriptor ----------------------------------------------------- */

/* Two pieces of four bytes each. */
static const struct iovec pieces[2] = { { buffer, 4 }, { buffer + 4, 4 } };

static int from_start(int descriptor)
{
    CHECK(lseek(descriptor, 0, SEEK_SET) == 0);
    return descriptor;
}

static long call_read(void) { return read(from_start(file), buffer, 7); }
static long call_read_on(void) { return read(file, buffer, sizeof buffer); }
static long call_pread(void) { return pread(file, buffer, 4, 1); }
static long call_pread64(void) { return pread64(file, buffer, 100, 2); }
static long call_readv(void) { return readv(from_start(file), pieces, 2); }
static long call_preadv(void) { return preadv(file, pieces, 2, 1); }
static long call_preadv64(void) { return preadv64(file, pieces, 2, 1); }
static long call_preadv2(void) { return preadv2(file, pieces, 2, 1, 0); }

/* What the kernel keeps of a cached file is gone when it is opened again. */
static long call_cold_read(void)
{
    int cached = open("cached", O_RDONLY);
    CHECK(cached >= 0);
    return slow_closed(cached, read(cached, buffer, sizeof buffer));
}

static long call_fsync(void) { return fsync(file); }
static long call_fdatasync(void) { return fdatasync(file); }
static long call_fsync_directory(void) { return fsync(directory); }

/* ---- by stream --------------------------------------------------------- */

/* Nothing that was read before is in the stream. */
static FILE *fresh(void)
{
    clearerr(stream);
    CHECK(fflush(stream) == 0 && lseek(fileno(stream), 0, SEEK_SET) == 0);
    return stream;
}

/* What the file now yields, or -1 after an error. */
static long read_text(long count)
{
    return ferror(stream) ? -1 : count;
}

static long call_fread(void) { return read_text((long)fread(buffer, 1, 5, fresh())); }
static long call_fgets(void) { return read_text(fgets(buffer, 100, fresh()) != NULL); }
static long call_getc(void) { return getc(fresh()); }
static long call_fgetc(void) { return fgetc(fresh()); }
static long call_getc_unlocked(void) { return getc_unlocked(fresh()); }
static long call_fscanf(void) { return fscanf(fresh(), "%99s", buffer); }

static long call_fread_unlocked(void)
{
    return read_text((long)fread_unlocked(buffer, 1, 50, fresh()));
}

static long getting_line(int delimiter)
{
    char *line = NULL;
    size_t size = 0;
    long length = delimiter == '\n' ? getline(&line, &size, fresh())
                                    : getdelim(&line, &size, delimiter, fresh());
    int error = errno;
    free(line);
    errno = error;
    return length;
}

static long call_getline(void) { return getting_line('\n'); }
static long call_getdelim(void) { return getting_line(' '); }

static long call_fgetwc(void)
{
    FILE *wide = fopen("file", "r");
    CHECK(wide);
    wint_t letter = fgetwc(wide);
    int error = errno;
    CHECK(fclose(wide) == 0);
    errno = error;
    return letter == WEOF ? -1 : (long)letter;
}

static const struct slow_call calls[] = {
    { "read", FUSE_READ, call_read },
    { "read the rest", FUSE_READ, call_read_on },
    { "pread", FUSE_READ, call_pread },
    { "pread64", FUSE_READ, call_pread64 },
    { "readv", FUSE_READ, call_readv },
    { "preadv", FUSE_READ, call_preadv },
    { "preadv64", FUSE_READ, call_preadv64 },
    { "preadv2", FUSE_READ, call_preadv2 },
    { "read, not in the cache", FUSE_READ, call_cold_read },
    { "fsync", FUSE_FSYNC, call_fsync },
    { "fdatasync", FUSE_FSYNC, call_fdatasync },
    { "fsync of a directory", FUSE_FSYNCDIR, call_fsync_directory },
    { "fread", FUSE_READ, call_fread },
    { "fread_unlocked", FUSE_READ, call_fread_unlocked },
    { "fgets", FUSE_READ, call_fgets },
    { "getc", FUSE_READ, call_getc },
    { "fgetc", FUSE_READ, call_fgetc },
    { "getc_unlocked", FUSE_READ, call_getc_unlocked },
    { "fscanf", FUSE_READ, call_fscanf },
    { "getline", FUSE_READ, call_getline },
    { "getdelim", FUSE_READ, call_getdelim },
    { "fgetwc", FUSE_READ, call_fgetwc },
};

int main(void)
{
    slow_fs_start();
    slow_write_file("file", "some text\nmore text\n");
    slow_write_file("cached", "a slow cached file");
    CHECK((file = open("file", O_RDONLY)) >= 0 && (stream = fopen("file", "r")));
    CHECK((directory = open(".", O_RDONLY)) >= 0);
    slow_calls(calls, COUNT(calls));
    slow_fs_stop();
    return 0;
}
