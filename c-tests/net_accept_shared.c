/* A listener inherited by a forked child that accepts as well, the preforking
 * server: every connection is served by exactly one, and the parent's other
 * threads run on when the child was faster: accept(2), fork(2).
 */
#include "lib/check.h"

enum { THREADS = 4, CLIENTS = 200 };

static int listener;

/* Answers 'a' with 'b'; a connection that says 'q' ends the server. */
static void *serve(void *unused)
{
    (void)unused;
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0);
        char word = take(fd), byte;
        give(fd, (char)(word + 1));
        CHECK(read(fd, &byte, 1) == 0);
        close(fd);
        if (word == 'q')
            return NULL;
    }
}

static void call(const struct sockaddr_in *address, char word)
{
    char byte;
    int fd = tcp_connect(address);
    give(fd, word);
    CHECK(take(fd) == word + 1);
    shutdown(fd, SHUT_WR);
    CHECK(read(fd, &byte, 1) == 0);
    close(fd);
}

int main(void)
{
    struct sockaddr_in address;
    pthread_t servers[THREADS];
    listener = tcp_listener(&address);

    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        serve(NULL);
        _exit(0);
    }
    for (int i = 0; i < THREADS; i++)
        servers[i] = start(serve, NULL);
    for (int i = 0; i < CLIENTS; i++) {
        call(&address, 'a');
        if (i % 20 == 0)
            others_run();
    }
    printf("%d connections answered once\n", CLIENTS);

    /* Five servers, five of these: each takes one and ends. */
    for (int i = 0; i < THREADS + 1; i++)
        call(&address, 'q');
    for (int i = 0; i < THREADS; i++)
        join(servers[i]);
    printf("child: %s\n", child_end(child));
    return 0;
}
