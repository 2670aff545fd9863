/* A name server on loopback that answers when it is told to: RFC 1035.
 *
 *   struct name_server server;
 *   open_name_server(&server);
 *   ask_name_server(&server);             in the thread that will ask: its `_res`
 *   take_query(&server);                  comes back when a query is here
 *   answer_query(&server, 0, address);    or an error code and NULL
 */
#ifndef NAME_SERVER_H
#define NAME_SERVER_H

#include "check.h"
#include <netdb.h>
#include <resolv.h>
#include <arpa/nameser.h>

struct name_server {
    int fd;
    struct sockaddr_in address, client;
    unsigned char packet[512];
    size_t size;
};

static inline void open_name_server(struct name_server *server)
{
    socklen_t length = sizeof server->address;
    server->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    server->address = (struct sockaddr_in){ .sin_family = AF_INET };
    server->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(server->fd, (struct sockaddr *)&server->address, length) == 0);
    CHECK(getsockname(server->fd, (struct sockaddr *)&server->address, &length) == 0);
}

static inline void ask_name_server(const struct name_server *server)
{
    CHECK(res_init() == 0);
    _res.nscount = 1;
    _res.nsaddr_list[0] = server->address;
}

static inline void take_query(struct name_server *server)
{
    socklen_t length = sizeof server->client;
    ssize_t size = recvfrom(server->fd, server->packet, sizeof server->packet, 0,
                            (struct sockaddr *)&server->client, &length);
    CHECK(size > NS_HFIXEDSZ);
    server->size = (size_t)size;
}

/* One record whose data is `data`, in the class and of the type asked for; none
 * for NULL. */
static inline void answer_with(struct name_server *server, int error, const void *data, size_t size)
{
    unsigned char *packet = server->packet, *next = packet + NS_HFIXEDSZ;
    while (*next)
        next += *next + 1;
    next += 5; /* the end of the name, type, class */
    packet[2] |= 0x80, packet[3] = (unsigned char)(0x80 | error);
    packet[7] = data != NULL;
    packet[9] = packet[11] = 0;
    if (data) {
        const unsigned char record[] = {
            0xc0, NS_HFIXEDSZ, next[-4], next[-3], next[-2], next[-1], 0, 0, 0, 60,
            0, (unsigned char)size,
        };
        memcpy(next, record, sizeof record);
        next = (unsigned char *)mempcpy(next + sizeof record, data, size);
    }
    CHECK(sendto(server->fd, packet, (size_t)(next - packet), 0,
                 (struct sockaddr *)&server->client, sizeof server->client) == next - packet);
}

/* An IPv4 address in answer to an A query. */
static inline void answer_query(struct name_server *server, int error, const char *address)
{
    struct in_addr data = { 0 };
    CHECK(address == NULL || inet_aton(address, &data));
    answer_with(server, error, address ? &data : NULL, sizeof data);
}

#endif
