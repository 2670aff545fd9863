/* Writing, seeking in and closing a stream on a slow file stops the thread that
 * does it and no other: fwrite(3), fprintf(3), fflush(3), fseek(3), fclose(3),
 * freopen(3). Each call is held at its request to the file system, which then
 * fails, and once more, which is then answered.
 *
 * test: slow
 */
#include "lib/slow_fs.h"

static FILE *stream, *output;

/* The first use of a stream asks for the size of its buffer. */
static long call_first_read(void)
{
    FILE *first = fopen("file", "r");
    CHECK(first);
    int letter = getc(first);
    int error = errno;
    CHECK(fclose(first) == 0);
    errno = error;
    return letter;
}

/* The flush that follows is what waits. After an error the bytes are still
 * there, and the next flush writes them again. */
static long flushed(long written)
{
    CHECK(written >= 0);
    clearerr(output);
    return fflush(output);
}

static long call_fwrite(void) { return flushed((long)fwrite("text\n", 1, 5, output)); }
static long call_fputs(void) { return flushed(fputs("text\n", output)); }
static long call_fprintf(void) { return flushed(fprintf(output, "%d\n", 12)); }

static long call_fflush_all(void)
{
    CHECK(fputs("text\n", output) >= 0);
    clearerr(output);
    return fflush(NULL);
}

static long call_large(void)
{
    static char large[20000];
    memset(large, 'x', sizeof large);
    return fwrite(large, 1, sizeof large, output) == sizeof large ? 0 : -1;
}

static FILE *unbuffered_stream(void)
{
    static FILE *raw;
    if (!raw) {
        CHECK((raw = fopen("raw", "w")));
        setbuf(raw, NULL);
    }
    clearerr(raw);
    return raw;
}

static long call_putc(void) { return putc('x', unbuffered_stream()); }
static long call_dprintf(void) { return dprintf(fileno(unbuffered_stream()), "%d", 12); }

static long call_vfprintf(void)
{
    return fprintf(unbuffered_stream(), "%d", 12);
}

static long call_fseek(void) { return fseek(stream, 0, SEEK_END); }

static long call_fclose(void)
{
    FILE *closed = fopen("closed", "w");
    CHECK(closed && fputs("text", closed) >= 0);
    return fclose(closed);
}

static long call_freopen(void)
{
    FILE *reopened = fopen("closed", "w");
    CHECK(reopened && fputs("text", reopened) >= 0);
    reopened = freopen("/dev/null", "w", reopened);
    return reopened ? fclose(reopened) : -1;
}

static const struct slow_call calls[] = {
    { "first read, its fstat", FUSE_GETATTR, call_first_read },
    { "fwrite, fflush", FUSE_WRITE, call_fwrite },
    { "fputs, fflush", FUSE_WRITE, call_fputs },
    { "fprintf, fflush", FUSE_WRITE, call_fprintf },
    { "fflush of all", FUSE_WRITE, call_fflush_all },
    { "fwrite of more than the buffer", FUSE_WRITE, call_large },
    { "putc without a buffer", FUSE_WRITE, call_putc },
    { "fprintf without a buffer", FUSE_WRITE, call_vfprintf },
    { "dprintf", FUSE_WRITE, call_dprintf },
    { "fseek to the end", FUSE_GETATTR, call_fseek },
    { "fclose, its write", FUSE_WRITE, call_fclose },
    { "fclose, its close", FUSE_FLUSH, call_fclose },
    { "freopen, its write", FUSE_WRITE, call_freopen },
    { "freopen, its close", FUSE_FLUSH, call_freopen },
};

int main(void)
{
    slow_fs_start();
    slow_write_file("file", "some text\nmore text\n");
    CHECK((stream = fopen("file", "r")) && (output = fopen("output", "w")));
    slow_calls(calls, COUNT(calls));
    slow_fs_stop();
    return 0;
}
