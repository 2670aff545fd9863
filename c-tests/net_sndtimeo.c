/* SO_SNDTIMEO bounds the wait of a blocking send: what was sent in time is
 * counted, the next one says EAGAIN, and the reader finds exactly what was
 * counted: socket(7).
 *
 * test: slow
 */
#include "lib/check.h"
#include <sys/time.h>

enum { SIZE = 8 << 20, MILLISECONDS = 100, TICK = 10 };

struct stream {
    int fd;
    size_t size;
};

static void *read_rest(void *argument)
{
    struct stream *stream = argument;
    static unsigned char piece[1 << 16];
    ssize_t count;
    while ((count = read(stream->fd, piece, sizeof piece)) > 0) {
        pattern_check(piece, (size_t)count, stream->size);
        stream->size += (size_t)count;
    }
    CHECK(count == 0);
    return NULL;
}

static void exercise(int ends[2])
{
    struct timeval time = { 0, MILLISECONDS * 1000 };
    unsigned char *data = malloc(SIZE);
    CHECK(data);
    CHECK(setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) == 0);
    pattern_fill(data, SIZE, 0);

    double begin = seconds(CLOCK_MONOTONIC);
    ssize_t count = send(ends[0], data, SIZE, 0), sent = count;
    double waited = seconds(CLOCK_MONOTONIC) - begin;
    CHECK(count > 0 && count < SIZE);
    CHECK(waited >= (MILLISECONDS - TICK) / 1000.0 && waited < 5);

    /* TCP may find a little room yet. */
    while ((count = write(ends[0], data + sent, (size_t)(SIZE - sent))) > 0)
        sent += count;
    CHECK(count == -1 && errno == EAGAIN && sent < SIZE);

    struct stream stream = { ends[1], 0 };
    pthread_t reader = start(read_rest, &stream);
    shutdown(ends[0], SHUT_WR);
    join(reader);
    CHECK(stream.size == (size_t)sent);
    free(data);
}

int main(void)
{
    int ends[2];
    tcp_pair(ends);
    exercise(ends);
    puts("tcp: part, then EAGAIN");
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    exercise(ends);
    puts("unix: part, then EAGAIN");
    return 0;
}
