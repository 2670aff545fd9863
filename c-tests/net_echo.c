/* The classic server, one thread per connection: fifty clients, each a thread
 * too, get back what they sent, over loopback TCP: tcp(7), accept(2).
 *
 * test: slow
 */
#include "lib/check.h"

enum { CLIENTS = 50, MESSAGES = 20, LONGEST = 3000 };

static struct sockaddr_in address;

static void *serve(void *argument)
{
    int fd = (int)(long)argument;
    char data[1024];
    ssize_t count;
    while ((count = recv(fd, data, sizeof data, 0)) > 0)
        write_all(fd, data, (size_t)count);
    CHECK(count == 0);
    close(fd);
    return NULL;
}

static void *call(void *argument)
{
    size_t offset = (size_t)argument * 1000;
    int fd = tcp_connect(&address);
    for (int i = 0; i < MESSAGES; i++) {
        unsigned char data[LONGEST];
        size_t size = 1 + (offset * 7 + (size_t)i * 331) % LONGEST;
        pattern_fill(data, size, offset);
        write_all(fd, data, size);
        memset(data, 0, size);
        CHECK(read_all(fd, data, size) == size);
        pattern_check(data, size, offset);
        offset += size;
    }
    close(fd);
    return NULL;
}

int main(void)
{
    pthread_t servers[CLIENTS], clients[CLIENTS];
    int listener = tcp_listener(&address);
    for (long i = 0; i < CLIENTS; i++)
        clients[i] = start(call, (void *)i);
    for (int i = 0; i < CLIENTS; i++) {
        struct sockaddr_in peer;
        socklen_t length = sizeof peer;
        int fd = accept(listener, (struct sockaddr *)&peer, &length);
        CHECK(fd >= 0 && length == sizeof peer);
        CHECK(peer.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
        servers[i] = start(serve, (void *)(long)fd);
    }
    for (int i = 0; i < CLIENTS; i++)
        join(clients[i]), join(servers[i]);
    printf("%d clients, %d messages each\n", CLIENTS, MESSAGES);
    return 0;
}
