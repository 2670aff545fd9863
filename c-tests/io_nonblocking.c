/* A descriptor that the program made non-blocking answers EAGAIN at once, by
 * whichever way it asked for it, and F_GETFL shows exactly what was asked:
 * fcntl(2), ioctl_tty(2) (FIONBIO), socket(2), pipe(2), accept(2).
 */
#include "lib/check.h"
#include <sys/eventfd.h>
#include <sys/ioctl.h>

static void *take_token(void *argument)
{
    CHECK(take(*(int *)argument) == 'x');
    return NULL;
}

/* A blocking read must have become possible again. */
static void wait_for_token(int reader, int writer)
{
    pthread_t thread = start(take_token, &reader);
    others_run();
    give(writer, 'x');
    join(thread);
}

static int flags(int fd)
{
    return fcntl(fd, F_GETFL);
}

static void *exercise(void *unused)
{
    (void)unused;
    char byte;
    int on = 1, off = 0, ends[2], sockets[2];

    CHECK(pipe(ends) == 0);
    wait_for_token(ends[0], ends[1]);
    CHECK(flags(ends[0]) == O_RDONLY && flags(ends[1]) == O_WRONLY);
    CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    CHECK(flags(ends[0]) == (O_RDONLY | O_NONBLOCK));
    CHECK(flags(ends[1]) == O_WRONLY);
    FAILS(EAGAIN, read(ends[0], &byte, 1));
    CHECK(fcntl(ends[0], F_SETFL, 0) == 0);
    CHECK(flags(ends[0]) == O_RDONLY);
    wait_for_token(ends[0], ends[1]);
    puts("F_SETFL: on and off again");

    CHECK(ioctl(ends[0], FIONBIO, &on) == 0);
    CHECK(flags(ends[0]) == (O_RDONLY | O_NONBLOCK));
    FAILS(EAGAIN, read(ends[0], &byte, 1));
    CHECK(ioctl(ends[0], FIONBIO, &off) == 0);
    CHECK(flags(ends[0]) == O_RDONLY);
    wait_for_token(ends[0], ends[1]);
    puts("FIONBIO: on and off again");

    /* The flag lives on the open file: an alias shows and obeys it. */
    int alias = dup(ends[0]);
    CHECK(fcntl(alias, F_SETFL, O_NONBLOCK) == 0);
    CHECK(flags(ends[0]) == (O_RDONLY | O_NONBLOCK));
    FAILS(EAGAIN, read(ends[0], &byte, 1));

    CHECK(pipe2(ends, O_NONBLOCK) == 0);
    CHECK(flags(ends[0]) == (O_RDONLY | O_NONBLOCK));
    CHECK(flags(ends[1]) == (O_WRONLY | O_NONBLOCK));
    FAILS(EAGAIN, read(ends[0], &byte, 1));
    while (write(ends[1], &byte, 1) == 1)
        ;
    FAILS(EAGAIN, write(ends[1], &byte, 1));

    int type = SOCK_STREAM | SOCK_NONBLOCK;
    CHECK(socketpair(AF_UNIX, type, 0, sockets) == 0);
    CHECK(flags(sockets[0]) == (O_RDWR | O_NONBLOCK));
    FAILS(EAGAIN, read(sockets[0], &byte, 1));
    FAILS(EAGAIN, recv(sockets[0], &byte, 1, 0));
    FAILS(EAGAIN, recv(sockets[0], &byte, 1, MSG_WAITALL));

    struct unix_address address;
    int listener = unix_listener(&address, 8);
    CHECK(fcntl(listener, F_SETFL, O_RDWR | O_NONBLOCK) == 0);
    FAILS(EAGAIN, accept(listener, NULL, NULL));
    FAILS(EAGAIN, accept4(listener, NULL, NULL, SOCK_CLOEXEC));

    /* accept() does not inherit the flag; accept4() sets it on request. */
    int client = unix_connect(&address);
    int plain = accept(listener, NULL, NULL);
    CHECK(flags(plain) == O_RDWR);
    wait_for_token(plain, client);
    unix_connect(&address);
    int quick = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    CHECK(flags(quick) == (O_RDWR | O_NONBLOCK));
    FAILS(EAGAIN, read(quick, &byte, 1));

    eventfd_t value;
    int event = eventfd(0, EFD_NONBLOCK);
    CHECK(flags(event) == (O_RDWR | O_NONBLOCK));
    FAILS(EAGAIN, eventfd_read(event, &value));
    return NULL;
}

int main(void)
{
    exercise(NULL);
    puts("-- the same in a thread");
    join(start(exercise, NULL));
    return 0;
}
