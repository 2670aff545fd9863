/* A peer that closes with SO_LINGER 0 resets the connection: a waiting reader
 * and a waiting writer get ECONNRESET, once; after that reads say 0 and writes
 * EPIPE: tcp(7), socket(7).
 */
#include "lib/check.h"

static void *wait_to_read(void *argument)
{
    char byte;
    CHECK(recv(*(int *)argument, &byte, 1, 0) == -1 && errno == ECONNRESET);
    return NULL;
}

static void *wait_to_write(void *argument)
{
    static char data[1 << 20];
    ssize_t count;
    while ((count = send(*(int *)argument, data, sizeof data, MSG_NOSIGNAL)) > 0)
        ;
    CHECK(count == -1 && (errno == ECONNRESET || errno == EPIPE));
    return NULL;
}

static void reset(int fd)
{
    struct linger hard = { .l_onoff = 1, .l_linger = 0 };
    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard) == 0);
    CHECK(close(fd) == 0);
}

int main(void)
{
    int ends[2];
    char byte;

    tcp_pair(ends);
    pthread_t thread = start(wait_to_read, &ends[0]);
    others_run();
    reset(ends[1]);
    join(thread);
    puts("waiting reader: ECONNRESET");
    CHECK(recv(ends[0], &byte, 1, 0) == 0);
    puts("next read: 0");
    FAILS(EPIPE, send(ends[0], "x", 1, MSG_NOSIGNAL));

    tcp_pair(ends);
    thread = start(wait_to_write, &ends[0]);
    others_run();
    reset(ends[1]);
    join(thread);
    puts("waiting writer: ends");
    return 0;
}
