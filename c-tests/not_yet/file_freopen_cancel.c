/* freopen() of a FIFO that waits for the other side is a cancellation point:
 * freopen(3), fifo(7), pthreads(7).
 */
#include "lib/cancel_points.h"

static char directory[] = "/tmp/check-XXXXXX", path[64];

static long reopen(const char *mode)
{
    FILE *stream = fopen("/dev/null", mode);
    CHECK(stream);
    return (stream = freopen(path, mode, stream)) ? fclose(stream) : -1;
}

static long reopen_to_read(void) { return reopen("r"); }
static long reopen_to_write(void) { return reopen("w"); }
static void wait_to_read(void) { reopen_to_read(); }
static void wait_to_write(void) { reopen_to_write(); }

/* Nobody has opened it yet. */
static void make_fifo(void)
{
    unlink(path);
    CHECK(mkfifo(path, 0600) == 0);
}

static const struct point points[] = {
    { "freopen to read", wait_to_read },
    { "freopen to write", wait_to_write },
};

int main(void)
{
    CHECK(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/fifo", directory);
    make_fifo();
    cancel_at_points(points, COUNT(points));
    CHECK(unlink(path) == 0 && rmdir(directory) == 0);
    return 0;
}
