/* Reads and writes of no bytes return 0 at once, wherever they would block
 * otherwise; an empty datagram is a datagram; a recv() of no bytes waits for
 * data and takes none: read(2), write(2), recv(2).
 */
#include "lib/check.h"
#include <sys/uio.h>

static void *receive_nothing(void *argument)
{
    char byte;
    CHECK(recv(*(int *)argument, &byte, 0, 0) == 0);
    return NULL;
}

int main(void)
{
    char byte = 0;
    int ends[2], sockets[2], datagrams[2];
    struct iovec nothing[2] = { { &byte, 0 }, { &byte, 0 } };

    CHECK(pipe(ends) == 0);
    CHECK(read(ends[0], &byte, 0) == 0);
    CHECK(readv(ends[0], nothing, 2) == 0);
    CHECK(readv(ends[0], nothing, 0) == 0);
    puts("empty pipe: 0");

    CHECK(fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
    while (write(ends[1], &byte, 1) == 1)
        ;
    CHECK(errno == EAGAIN);
    CHECK(fcntl(ends[1], F_SETFL, 0) == 0);
    CHECK(write(ends[1], &byte, 0) == 0);
    CHECK(writev(ends[1], nothing, 2) == 0);
    puts("full pipe: 0");

    close(ends[0]);
    CHECK(write(ends[1], &byte, 0) == 0);
    puts("pipe without reader: 0");

    tcp_pair(sockets);
    CHECK(read(sockets[0], &byte, 0) == 0);
    CHECK(write(sockets[0], &byte, 0) == 0);
    CHECK(send(sockets[0], &byte, 0, 0) == 0);
    puts("stream socket: 0");

    pthread_t receiver = start(receive_nothing, &sockets[1]);
    others_run();
    CHECK(pthread_tryjoin_np(receiver, NULL) == EBUSY);
    give(sockets[0], 'x');
    join(receiver);
    CHECK(take(sockets[1]) == 'x');
    puts("recv of 0: waits for data, takes none");

    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, datagrams) == 0);
    CHECK(send(datagrams[0], &byte, 0, 0) == 0);
    CHECK(send(datagrams[0], "y", 1, 0) == 1);
    CHECK(recv(datagrams[1], &byte, 1, 0) == 0);
    CHECK(recv(datagrams[1], &byte, 1, 0) == 1 && byte == 'y');
    puts("empty datagram: received as one");

    int file = temporary_file(0);
    CHECK(write(file, &byte, 0) == 0 && lseek(file, 0, SEEK_END) == 0);
    CHECK(pwrite(file, &byte, 0, 100) == 0 && lseek(file, 0, SEEK_END) == 0);
    puts("file: unchanged");
    return 0;
}
