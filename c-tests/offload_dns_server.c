/* The name server is a thread of the same process, so a look-up can only end
 * if others run while it waits. The resolver is pointed there through `_res`,
 * which belongs to the calling thread: resolver(3).
 */
#include "lib/check.h"
#include <netdb.h>
#include <resolv.h>

enum { CLIENTS = 4, QUERIES = 5, HEADER_SIZE = 12 };

static struct sockaddr_in server_address;

/* Answers every A query: 127.0.0.N for names that begin with the digit N,
 * "no such name" for others. */
static void *serve(void *argument)
{
    static const unsigned char record[] = {
        0xc0, HEADER_SIZE, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0,
    };
    int fd = *(int *)argument;
    for (;;) {
        unsigned char packet[512];
        struct sockaddr_in client;
        socklen_t length = sizeof client;
        ssize_t size = recvfrom(fd, packet, sizeof packet - 32, 0,
                                (struct sockaddr *)&client, &length);
        if (size == 1)
            return NULL;
        CHECK(size > HEADER_SIZE);
        unsigned char *next = packet + HEADER_SIZE, digit = next[1];
        while (*next)
            next += *next + 1;
        next += 5; /* the end of the name, type, class */
        int found = digit >= '0' && digit <= '9';
        packet[2] |= 0x80, packet[3] = found ? 0x80 : 0x83;
        packet[7] = (unsigned char)found;
        packet[9] = packet[11] = 0;
        if (found) {
            memcpy(next, record, sizeof record);
            next += sizeof record;
            *next++ = digit - '0';
        }
        CHECK(sendto(fd, packet, (size_t)(next - packet), 0,
                     (struct sockaddr *)&client, length) == next - packet);
    }
}

static void *ask(void *argument)
{
    long self = (long)argument;
    CHECK(res_init() == 0);
    _res.nscount = 1;
    _res.nsaddr_list[0] = server_address;
    for (int i = 0; i < QUERIES; i++) {
        struct addrinfo hints = { .ai_family = AF_INET }, *list;
        char name[32];
        snprintf(name, sizeof name, "%ld.example.invalid.", self);
        CHECK(getaddrinfo(name, NULL, &hints, &list) == 0);
        const struct sockaddr_in *found = (struct sockaddr_in *)list->ai_addr;
        CHECK(found->sin_addr.s_addr == htonl(0x7f000000u + (unsigned)self));
        freeaddrinfo(list);

        CHECK(getaddrinfo("none.invalid.", NULL, &hints, &list) == EAI_NONAME);
        unsigned char answer[512];
        CHECK(res_query("none.invalid.", 1, 1, answer, sizeof answer) == -1);
        CHECK(h_errno == HOST_NOT_FOUND);
    }
    return NULL;
}

int main(void)
{
    socklen_t length = sizeof server_address;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    server_address.sin_family = AF_INET;
    server_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(fd, (struct sockaddr *)&server_address, length) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&server_address, &length) == 0);

    pthread_t server = start(serve, &fd), clients[CLIENTS];
    for (long i = 0; i < CLIENTS; i++)
        clients[i] = start(ask, (void *)(i + 2));
    for (int i = 0; i < CLIENTS; i++)
        join(clients[i]);
    CHECK(sendto(fd, "q", 1, 0, (struct sockaddr *)&server_address, length) == 1);
    join(server);
    printf("%d threads resolved names by a thread\n", CLIENTS);
    return 0;
}
