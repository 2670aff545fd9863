/* Descriptors of every kind come by SCM_RIGHTS, several in one message, from
 * another process: threads wait on each at once, others run, and what one
 * process does to the open file, the other sees: unix(7), cmsg(3).
 */
#include "lib/peer.h"
#include "lib/rights.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

enum { KINDS = 5, ROUNDS = 10 };

/* ---- the other process: makes five waits, and ends them when told ----------- */

static int be_peer(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        int pipes[2], pair[2], inner[2], event = eventfd(0, 0), set = epoll_create1(0);
        struct sockaddr_in address;
        struct epoll_event wanted = { .events = EPOLLIN };
        CHECK(pipe(pipes) == 0 && pipe(inner) == 0);
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
        CHECK(epoll_ctl(set, EPOLL_CTL_ADD, inner[0], &wanted) == 0);
        int listener = tcp_listener(&address);
        int fds[KINDS] = { pipes[0], pair[0], event, listener, set };
        send_descriptors(PEER_WIRE, "f", fds, KINDS);
        CHECK(close(pipes[0]) == 0 && close(pair[0]) == 0);
        CHECK(take(PEER_WIRE) == 'g');
        give(pipes[1], 'p');
        give(pair[1], 's');
        CHECK(eventfd_write(event, 'e') == 0);
        int client = tcp_connect(&address);
        CHECK(take(client) == 'l');
        give(inner[1], 'i');
        CHECK(take(PEER_WIRE) == 'd');
        close(pipes[1]), close(pair[1]), close(event), close(listener), close(client);
        close(set), close(inner[0]), close(inner[1]);
    }
    return 0;
}

/* ---- this process ------------------------------------------------------------ */

static void *take_one(void *fd) { return (void *)(long)take(*(int *)fd); }

static void *take_event(void *fd)
{
    eventfd_t value;
    CHECK(eventfd_read(*(int *)fd, &value) == 0);
    return (void *)value;
}

static void *accept_one(void *fd)
{
    int accepted = accept(*(int *)fd, NULL, NULL);
    CHECK(accepted >= 0);
    give(accepted, 'l');
    CHECK(close(accepted) == 0);
    return (void *)'l';
}

/* The set watches a descriptor that only the other process has. */
static void *wait_for_set(void *fd)
{
    struct epoll_event event;
    CHECK(epoll_wait(*(int *)fd, &event, 1, -1) == 1);
    return (void *)'i';
}

int main(int argc, char **argv)
{
    if (is_peer(argc, argv))
        return be_peer();
    thread_body *bodies[KINDS] = { take_one, take_one, take_event, accept_one, wait_for_set };
    struct peer peer = start_peer();
    for (int round = 0; round < ROUNDS; round++) {
        int fds[KINDS];
        char got[KINDS + 1] = "";
        pthread_t threads[KINDS];
        receive_descriptors(peer.wire, "f", fds, KINDS, MSG_CMSG_CLOEXEC);
        for (int i = 0; i < KINDS; i++)
            threads[i] = start(bodies[i], &fds[i]);
        others_run();
        give(peer.wire, 'g');
        for (int i = 0; i < KINDS; i++) {
            got[i] = (char)(long)join(threads[i]);
            CHECK(close(fds[i]) == 0);
        }
        give(peer.wire, 'd');
        CHECK(strcmp(got, "pseli") == 0);
    }
    puts("pipe, socket, eventfd, listener, epoll set: waited on as they came");
    end_peer(peer);
    return 0;
}
