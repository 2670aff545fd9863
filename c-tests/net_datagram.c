/* Datagrams keep their boundaries; MSG_PEEK leaves them, MSG_TRUNC tells their
 * true length; the sender's address comes with them; a full UNIX queue makes
 * the sender wait: udp(7), unix(7), recv(2).
 */
#include "lib/check.h"

struct end {
    int fd;
    struct sockaddr_in address;
};

static struct end udp_end(void)
{
    struct end end = { .fd = socket(AF_INET, SOCK_DGRAM, 0) };
    socklen_t length = sizeof end.address;
    end.address.sin_family = AF_INET;
    end.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(end.fd >= 0);
    CHECK(bind(end.fd, (struct sockaddr *)&end.address, length) == 0);
    CHECK(getsockname(end.fd, (struct sockaddr *)&end.address, &length) == 0);
    return end;
}

static void *receive_hello(void *argument)
{
    const struct end *ends = argument;
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    char text[16];
    CHECK(recvfrom(ends[1].fd, text, sizeof text, 0,
                   (struct sockaddr *)&from, &length) == 5);
    CHECK(memcmp(text, "hello", 5) == 0);
    CHECK(length == sizeof from && from.sin_port == ends[0].address.sin_port);
    return NULL;
}

static void boundaries(int from, int to)
{
    char text[16];
    CHECK(send(from, "one", 3, 0) == 3);
    CHECK(send(from, "fourteen", 8, 0) == 8);
    CHECK(send(from, "last", 4, 0) == 4);

    CHECK(recv(to, text, 16, MSG_PEEK) == 3);
    CHECK(recv(to, text, 16, 0) == 3 && memcmp(text, "one", 3) == 0);
    CHECK(recv(to, text, 2, MSG_PEEK | MSG_TRUNC) == 8);

    struct iovec piece = { text, 4 };
    struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
    CHECK(recvmsg(to, &message, 0) == 4 && memcmp(text, "four", 4) == 0);
    CHECK(message.msg_flags & MSG_TRUNC);
    CHECK(read(to, text, 16) == 4 && memcmp(text, "last", 4) == 0);
    CHECK(recv(to, text, 16, MSG_DONTWAIT) == -1 && errno == EAGAIN);
}

enum { MANY = 2000 };

static void *send_many(void *argument)
{
    for (int i = 0; i < MANY; i++)
        CHECK(send(*(int *)argument, &i, sizeof i, 0) == sizeof i);
    return NULL;
}

int main(void)
{
    struct end ends[2] = { udp_end(), udp_end() };
    struct sockaddr *target = (struct sockaddr *)&ends[1].address;

    pthread_t thread = start(receive_hello, ends);
    others_run();
    CHECK(sendto(ends[0].fd, "hello", 5, 0, target, sizeof ends[1].address) == 5);
    join(thread);
    puts("udp: waited, sender known");

    CHECK(connect(ends[0].fd, target, sizeof ends[1].address) == 0);
    boundaries(ends[0].fd, ends[1].fd);
    puts("udp: boundaries kept");

    int types[] = { SOCK_DGRAM, SOCK_SEQPACKET }, pair[2];
    for (size_t i = 0; i < COUNT(types); i++) {
        CHECK(socketpair(AF_UNIX, types[i], 0, pair) == 0);
        boundaries(pair[0], pair[1]);
        thread = start(send_many, &pair[0]);
        others_run();
        for (int expected = 0; expected < MANY; expected++) {
            int number;
            CHECK(recv(pair[1], &number, sizeof number, 0) == sizeof number);
            CHECK(number == expected);
        }
        join(thread);
    }
    printf("unix: boundaries kept, %d in order\n", MANY);
    return 0;
}
