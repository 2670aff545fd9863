/* MSG_WAITALL waits for the full count, piece by piece, and returns less only
 * at the end of the stream; with MSG_PEEK it leaves what it saw: recv(2).
 */
#include "lib/check.h"
#include <sys/uio.h>

static void *receive_nine(void *argument)
{
    char text[9];
    CHECK(recv(*(int *)argument, text, 9, MSG_WAITALL) == 9);
    CHECK(memcmp(text, "onetwosix", 9) == 0);
    return NULL;
}

static void *receive_message(void *argument)
{
    char text[9];
    struct iovec pieces[] = { { text, 2 }, { text + 2, 7 } };
    struct msghdr message = { .msg_iov = pieces, .msg_iovlen = 2 };
    CHECK(recvmsg(*(int *)argument, &message, MSG_WAITALL) == 9);
    CHECK(memcmp(text, "onetwosix", 9) == 0);
    CHECK(pieces[0].iov_base == text && pieces[0].iov_len == 2);
    CHECK(pieces[1].iov_base == text + 2 && pieces[1].iov_len == 7);
    return NULL;
}

static void *peek_nine(void *argument)
{
    char text[9];
    CHECK(recv(*(int *)argument, text, 9, MSG_WAITALL | MSG_PEEK) == 9);
    CHECK(memcmp(text, "onetwosix", 9) == 0);
    return NULL;
}

static void in_pieces(thread_body *body, int from, int to)
{
    const char *pieces[] = { "one", "two", "six" };
    pthread_t receiver = start(body, &to);
    for (size_t i = 0; i < COUNT(pieces); i++) {
        others_run();
        CHECK(pthread_tryjoin_np(receiver, NULL) == EBUSY);
        CHECK(send(from, pieces[i], 3, 0) == 3);
    }
    join(receiver);
}

static void *receive_seven_of_nine(void *argument)
{
    char text[9];
    CHECK(recv(*(int *)argument, text, 9, MSG_WAITALL) == 7);
    CHECK(recv(*(int *)argument, text, 9, MSG_WAITALL) == 0);
    return NULL;
}

static void both(int ends[2], const char *name)
{
    in_pieces(receive_nine, ends[0], ends[1]);
    in_pieces(receive_message, ends[0], ends[1]);
    pthread_t receiver = start(receive_seven_of_nine, &ends[1]);
    others_run();
    CHECK(send(ends[0], "seven..", 7, 0) == 7);
    others_run();
    close(ends[0]);
    join(receiver);
    printf("%s: waits for all, or the end\n", name);
}

int main(void)
{
    int ends[2];
    tcp_pair(ends);
    in_pieces(peek_nine, ends[0], ends[1]);
    receive_nine(&ends[1]);
    puts("tcp: peeks at all and leaves it");
    both(ends, "tcp");
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    both(ends, "unix");

    /* A datagram is never waited for twice. */
    char text[9];
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
    CHECK(send(ends[0], "one", 3, 0) == 3);
    CHECK(recv(ends[1], text, 9, MSG_WAITALL) == 3);
    puts("datagram: one is all");
    return 0;
}
