/* A handler ends a connect that waits and has a time limit by SO_SNDTIMEO with
 * EINTR, with SA_RESTART too: signal(7), socket(7).
 *
 * test: timeout=60
 */
#include "lib/interrupts.h"

static int listener, connecting;
static struct sockaddr_un name;
static socklen_t name_length;
static const struct timeval day = { 86400, 0 };

static void make_full_listener(void)
{
    struct unix_address address;
    int filler;
    listener = unix_listener(&address, 0);
    name = address.name, name_length = address.length;
    do {
        filler = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    } while (connect(filler, (struct sockaddr *)&name, name_length) == 0);
    CHECK(errno == EAGAIN);
    connecting = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(setsockopt(connecting, SOL_SOCKET, SO_SNDTIMEO, &day, sizeof day) == 0);
}
static void accept_one(void)
{
    CHECK(accept(listener, NULL, NULL) >= 0);
}
static long do_connect(void) { return connect(connecting, (struct sockaddr *)&name, name_length); }

static const struct interrupted rows[] = {
    { "connect, SO_SNDTIMEO", make_full_listener, do_connect, accept_one, 0 },
};

int main(void)
{
    interrupt_all(rows, COUNT(rows), NULL);
    return 0;
}
