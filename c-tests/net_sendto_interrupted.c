/* A handler ends a sendto() with an address, to a datagram socket whose queue is
 * full, with EINTR; with SA_RESTART it goes on: sendto(2), unix(7), signal(7).
 *
 * test: timeout=60
 */
#include "lib/interrupts.h"

static int receiver, sender;
static char byte;
static struct unix_address address;

static void make_full_receiver(void)
{
    CHECK((receiver = socket(AF_UNIX, SOCK_DGRAM, 0)) >= 0);
    CHECK((sender = socket(AF_UNIX, SOCK_DGRAM, 0)) >= 0);
    address = (struct unix_address){ .name.sun_family = AF_UNIX, .length = sizeof address.name };
    CHECK(bind(receiver, (struct sockaddr *)&address.name, sizeof(sa_family_t)) == 0);
    CHECK(getsockname(receiver, (struct sockaddr *)&address.name, &address.length) == 0);
    while (sendto(sender, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&address.name,
                  address.length) == 1)
        ;
}

static void take_datagrams(void)
{
    while (recv(receiver, &byte, 1, MSG_DONTWAIT) > 0)
        ;
}

static long do_sendto(void)
{
    return sendto(sender, "x", 1, 0, (struct sockaddr *)&address.name, address.length);
}

static const struct interrupted rows[] = {
    { "sendto by address", make_full_receiver, do_sendto, take_datagrams, 1 },
};

int main(void)
{
    interrupt_all(rows, COUNT(rows), NULL);
    return 0;
}
