/* A handler interrupts freopen() of a FIFO that waits for the other side, unless
 * it has SA_RESTART: then the handler runs, and the wait goes on: freopen(3),
 * fifo(7), signal(7).
 */
#include "lib/interrupts.h"

static char directory[] = "/tmp/check-XXXXXX", path[64];

static long reopen(const char *mode)
{
    FILE *stream = fopen("/dev/null", mode);
    CHECK(stream);
    return (stream = freopen(path, mode, stream)) ? fclose(stream) : -1;
}

static long reopen_to_read(void) { return reopen("r"); }
static long reopen_to_write(void) { return reopen("w"); }
/* Nobody has opened it yet. */
static void make_fifo(void)
{
    unlink(path);
    CHECK(mkfifo(path, 0600) == 0);
}

static void open_fifo(void) { CHECK(open(path, O_RDWR) >= 0); }

static const struct interrupted rows[] = {
    { "freopen to read", make_fifo, reopen_to_read, open_fifo, 1 },
    { "freopen to write", make_fifo, reopen_to_write, open_fifo, 1 },
};

int main(void)
{
    CHECK(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/fifo", directory);
    interrupt_all(rows, COUNT(rows), NULL);
    CHECK(unlink(path) == 0 && rmdir(directory) == 0);
    return 0;
}
