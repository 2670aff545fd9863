/* Ten threads wait in accept() on one listener; a hundred connections are
 * each served by exactly one of them: accept(2).
 */
#include "lib/check.h"

enum { SERVERS = 10, CLIENTS = 100 };

static int listener;

/* Answers 'a' with 'b'; a connection that says 'q' ends the thread. */
static void *serve(void *unused)
{
    (void)unused;
    long served = 0;
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        CHECK(fd >= 0);
        char word = take(fd);
        if (word == 'a')
            give(fd, 'b'), served++;
        close(fd);
        if (word == 'q')
            return (void *)served;
    }
}

int main(void)
{
    struct sockaddr_in address;
    pthread_t servers[SERVERS];
    int clients[CLIENTS];
    listener = tcp_listener(&address);
    for (int i = 0; i < SERVERS; i++)
        servers[i] = start(serve, NULL);
    others_run();

    /* One after the other, then all at once. */
    for (int i = 0; i < CLIENTS / 2; i++) {
        clients[i] = tcp_connect(&address);
        give(clients[i], 'a');
        CHECK(take(clients[i]) == 'b');
    }
    for (int i = CLIENTS / 2; i < CLIENTS; i++)
        clients[i] = tcp_connect(&address);
    for (int i = CLIENTS / 2; i < CLIENTS; i++)
        give(clients[i], 'a');
    for (int i = CLIENTS / 2; i < CLIENTS; i++)
        CHECK(take(clients[i]) == 'b');

    long served = 0;
    for (int i = 0; i < SERVERS; i++)
        give(tcp_connect(&address), 'q');
    for (int i = 0; i < SERVERS; i++)
        served += (long)join(servers[i]);
    CHECK(served == CLIENTS);
    printf("%ld connections served\n", served);
    return 0;
}
