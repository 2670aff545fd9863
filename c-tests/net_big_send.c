/* One blocking send of 8 MiB returns the full count, however slowly it is
 * read, for send(), write(), writev() and sendmsg(): send(2).
 */
#include "lib/check.h"
#include <sys/uio.h>

enum { SIZE = 8 << 20, HALF = SIZE / 2 };

static int fd;
static unsigned char *data;

static void *by_send(void *unused)
{
    (void)unused;
    CHECK(send(fd, data, SIZE, 0) == SIZE);
    return NULL;
}

static void *by_write(void *unused)
{
    (void)unused;
    CHECK(write(fd, data, SIZE) == SIZE);
    return NULL;
}

static void *by_writev(void *unused)
{
    (void)unused;
    struct iovec pieces[] = { { data, HALF + 1 }, { data + HALF + 1, HALF - 1 } };
    CHECK(writev(fd, pieces, 2) == SIZE);
    return NULL;
}

static void *by_sendmsg(void *unused)
{
    (void)unused;
    struct iovec pieces[] = { { data, 1 }, { data + 1, SIZE - 1 } };
    struct msghdr message = { .msg_iov = pieces, .msg_iovlen = 2 };
    CHECK(sendmsg(fd, &message, 0) == SIZE);
    CHECK(pieces[0].iov_len == 1 && pieces[1].iov_len == SIZE - 1);
    return NULL;
}

static void read_slowly(int from)
{
    for (size_t total = 0; total < SIZE;) {
        unsigned char piece[50021];
        if (total < 1 << 20)
            others_run();
        ssize_t count = read(from, piece, sizeof piece);
        CHECK(count > 0);
        pattern_check(piece, (size_t)count, total);
        total += (size_t)count;
    }
}

int main(void)
{
    thread_body *ways[] = { by_send, by_write, by_writev, by_sendmsg };
    const char *names[] = { "send", "write", "writev", "sendmsg" };
    data = malloc(SIZE);
    CHECK(data);
    pattern_fill(data, SIZE, 0);
    for (size_t i = 0; i < COUNT(ways); i++) {
        int ends[2];
        if (i % 2 == 0)
            tcp_pair(ends);
        else
            CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
        fd = ends[0];
        pthread_t sender = start(ways[i], NULL);
        read_slowly(ends[1]);
        join(sender);
        close(ends[0]), close(ends[1]);
        printf("%s: %d bytes in order\n", names[i], SIZE);
    }
    free(data);
    return 0;
}
