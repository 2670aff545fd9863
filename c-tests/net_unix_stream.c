/* UNIX stream sockets, paired and named: waiting on either end parks only the
 * thread, credentials and addresses are those of the process: unix(7).
 */
#include "lib/check.h"

enum { CLIENTS = 10 };

static struct unix_address address;

static void *answer(void *argument)
{
    int fd = (int)(long)argument;
    char question = take(fd);
    give(fd, (char)(question + 1));
    close(fd);
    return NULL;
}

static void *ask(void *argument)
{
    char question = (char)(long)argument, byte;
    int fd = unix_connect(&address);
    give(fd, question);
    CHECK(take(fd) == question + 1);
    CHECK(read(fd, &byte, 1) == 0);
    close(fd);
    return NULL;
}

int main(void)
{
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    pthread_t thread = start(answer, (void *)(long)pair[1]);
    others_run();
    give(pair[0], 'a');
    CHECK(take(pair[0]) == 'b');
    join(thread);
    puts("pair: answered");

    pthread_t askers[CLIENTS], answerers[CLIENTS];
    int listener = unix_listener(&address, CLIENTS);
    for (long i = 0; i < CLIENTS; i++)
        askers[i] = start(ask, (void *)i);
    for (int i = 0; i < CLIENTS; i++) {
        struct ucred peer;
        socklen_t length = sizeof peer;
        int fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0);
        CHECK(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0);
        CHECK(peer.pid == getpid() && peer.uid == geteuid());
        answerers[i] = start(answer, (void *)(long)fd);
    }
    for (int i = 0; i < CLIENTS; i++)
        join(askers[i]), join(answerers[i]);
    printf("named: %d clients answered\n", CLIENTS);
    return 0;
}
