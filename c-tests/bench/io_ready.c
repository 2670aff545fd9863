/* What calls cost that need not wait, in a process that has another thread: a
 * byte through a pipe and through a socketpair, a page of a cached file, and a
 * poll of a descriptor that is ready; COUNT times each, or the one named: read(2), write(2),
 * send(2), recv(2), pread(2), poll(2).
 *
 *     io_ready COUNT [pipe|socketpair|pread|poll]
 */
#include "bench.h"

#include <poll.h>

enum { PAGE = 4096 };

static void *wait_for_end(void *argument)
{
    char byte;
    CHECK(read(*(int *)argument, &byte, 1) == 0);
    return NULL;
}

static void through_pipe(long count)
{
    int ends[2];
    char byte = 'x';

    CHECK(pipe(ends) == 0);
    double begin = now();
    for (long turn = 0; turn < count; turn++) {
        CHECK(write(ends[1], &byte, 1) == 1);
        CHECK(read(ends[0], &byte, 1) == 1);
    }
    report_each("ready_pipe", begin, count);
    close(ends[0]);
    close(ends[1]);
}

static void through_socketpair(long count)
{
    int ends[2];
    char byte = 'x';

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    double begin = now();
    for (long turn = 0; turn < count; turn++) {
        CHECK(send(ends[1], &byte, 1, 0) == 1);
        CHECK(recv(ends[0], &byte, 1, 0) == 1);
    }
    report_each("ready_socketpair", begin, count);
    close(ends[0]);
    close(ends[1]);
}

static void cached_file(long count)
{
    char page[PAGE] = "cached";
    int fd = temporary_file(0);

    CHECK(write(fd, page, PAGE) == PAGE);
    double begin = now();
    for (long turn = 0; turn < count; turn++)
        CHECK(pread(fd, page, PAGE, 0) == PAGE);
    report_each("cached_pread", begin, count);
    close(fd);
}

static void ready_poll(long count)
{
    int ends[2];

    CHECK(pipe(ends) == 0);
    struct pollfd entry = { .fd = ends[1], .events = POLLOUT };
    double begin = now();
    for (long turn = 0; turn < count; turn++)
        CHECK(poll(&entry, 1, -1) == 1);
    report_each("ready_poll", begin, count);
    close(ends[0]);
    close(ends[1]);
}

static const struct {
    const char *name;
    void (*measure)(long count);
} kinds[] = {
    { "pipe", through_pipe },
    { "socketpair", through_socketpair },
    { "pread", cached_file },
    { "poll", ready_poll },
};

int main(int count, char **arguments)
{
    long turns = number_argument(count, arguments, 1, 200000);
    int ends[2];

    CHECK(pipe(ends) == 0);
    pthread_t other = start(wait_for_end, &ends[0]);
    for (size_t index = 0; index < COUNT(kinds); index++)
        if (count < 3 || strcmp(arguments[2], kinds[index].name) == 0)
            kinds[index].measure(turns);
    close(ends[1]);
    join(other);
    return 0;
}
