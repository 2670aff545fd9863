/* SOCK_SEQPACKET sockets keep connections like a stream and messages like
 * datagrams: accept, connect, recv and a send to a full peer wait while others
 * run; MSG_WAITALL is content with one message; a short buffer loses the rest:
 * unix(7), socket(2), recv(2).
 */
#include "lib/check.h"

enum { MESSAGES = 300, SIZE = 4096 };

static struct sockaddr_un address;
static socklen_t length = sizeof address;

static void *accept_one(void *listener)
{
    int end = accept(*(int *)listener, NULL, NULL);
    CHECK(end >= 0);
    return (void *)(long)end;
}

static void connected_pair(int ends[2])
{
    int listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    CHECK(listener >= 0);
    address.sun_family = AF_UNIX;
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof(sa_family_t)) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &length) == 0);
    CHECK(listen(listener, 5) == 0);
    pthread_t acceptor = start(accept_one, &listener);
    others_run();
    ends[0] = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    CHECK(connect(ends[0], (struct sockaddr *)&address, length) == 0);
    ends[1] = (int)(long)join(acceptor);
    close(listener);
}

static void *receive_messages(void *argument)
{
    int end = *(int *)argument;
    char text[10];
    CHECK(recv(end, text, sizeof text, MSG_WAITALL) == 3);
    CHECK(memcmp(text, "one", 3) == 0);
    CHECK(read(end, text, sizeof text) == 3);
    CHECK(memcmp(text, "two", 3) == 0);

    struct iovec piece = { text, 2 };
    struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
    CHECK(recvmsg(end, &message, MSG_WAITALL) == 2);
    CHECK(message.msg_flags & MSG_TRUNC);
    CHECK(recv(end, text, sizeof text, 0) == 4);
    CHECK(recv(end, text, sizeof text, 0) == 0);
    return NULL;
}

static void messages(int ends[2], const char *name)
{
    pthread_t receiver = start(receive_messages, &ends[1]);
    others_run();
    CHECK(pthread_tryjoin_np(receiver, NULL) == EBUSY);
    CHECK(send(ends[0], "one", 3, 0) == 3);
    others_run();
    CHECK(pthread_tryjoin_np(receiver, NULL) == EBUSY);
    CHECK(write(ends[0], "two", 3) == 3);
    CHECK(send(ends[0], "three", 5, 0) == 5);
    CHECK(send(ends[0], "four", 4, 0) == 4);
    others_run();
    CHECK(pthread_tryjoin_np(receiver, NULL) == EBUSY);
    close(ends[0]);
    join(receiver);
    close(ends[1]);
    printf("%s: messages, one by one, and the end\n", name);
}

static void *send_many(void *argument)
{
    static char message[SIZE];
    for (size_t i = 0; i < MESSAGES; i++) {
        size_t size = i % 2 ? SIZE : 1;
        pattern_fill(message, size, i);
        CHECK(send(*(int *)argument, message, size, 0) == (ssize_t)size);
    }
    return NULL;
}

static void many(int ends[2], const char *name)
{
    static char message[SIZE];
    pthread_t sender = start(send_many, &ends[0]);
    others_run();
    CHECK(pthread_tryjoin_np(sender, NULL) == EBUSY);
    for (size_t i = 0; i < MESSAGES; i++) {
        size_t size = i % 2 ? SIZE : 1;
        CHECK(recv(ends[1], message, SIZE, MSG_WAITALL) == (ssize_t)size);
        pattern_check(message, size, i);
    }
    join(sender);
    printf("%s: %d messages through a full queue\n", name, MESSAGES);
}

int main(void)
{
    int ends[2];
    connected_pair(ends);
    many(ends, "connected");
    messages(ends, "connected");
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
    many(ends, "pair");
    messages(ends, "pair");
    return 0;
}
