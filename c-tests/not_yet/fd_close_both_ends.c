/* Threads wait for a pipe's and a socket's input when both sides are closed by
 * number: the reads end as at the end of the stream, for the file lives until
 * they have returned: close(2) ("Multithreaded processes and close()"),
 * close_range(2), pipe(7).
 */
#include "../lib/check.h"
#include <linux/close_range.h>
#include <semaphore.h>

static int ends[2];
static sem_t begun;

static void *read_one(void *unused)
{
    char byte;
    CHECK(sem_post(&begun) == 0);
    ssize_t count = read(ends[0], &byte, 1);
    printf("  read: %zd %s\n", count, errno_name(count == -1 ? errno : 0));
    return unused;
}

static void by_close_range(void) { CHECK(close_range(3, ~0U, 0) == 0); }

static void reader_first(void) { CHECK(close(ends[0]) == 0 && close(ends[1]) == 0); }

static void writer_first(void) { CHECK(close(ends[1]) == 0 && close(ends[0]) == 0); }

/* What comes after close() is still read: nothing tells the reader. */
static void close_then_write(void)
{
    CHECK(close(ends[0]) == 0);
    others_run();
    give(ends[1], 'x');
}

static void exercise(const char *how, void (*close_both)(void), int is_pipe)
{
    printf("%s, %s\n", is_pipe ? "pipe" : "socket", how);
    CHECK(is_pipe ? pipe(ends) == 0 : socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    pthread_t thread = start(read_one, NULL);
    CHECK(sem_wait(&begun) == 0);
    others_run();
    close_both();
    join(thread);
}

int main(void)
{
    CHECK(sem_init(&begun, 0, 0) == 0);
    for (int is_pipe = 0; is_pipe < 2; is_pipe++) {
        exercise("writer first", writer_first, is_pipe);
        exercise("reader first", reader_first, is_pipe);
        exercise("reader closed, then written to", close_then_write, is_pipe);
        exercise("close_range", by_close_range, is_pipe);
    }
    return 0;
}
