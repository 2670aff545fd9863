/* splice(), tee(), vmsplice() and sendfile() that have to wait for a pipe or a
 * socket stop the calling thread alone. All but sendfile are cancellation
 * points. SPLICE_F_NONBLOCK, O_NONBLOCK and copy_file_range() do not wait:
 * splice(2), tee(2), vmsplice(2), sendfile(2), copy_file_range(2).
 */
#include "lib/beside.h"
#include <sched.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "lib/waits.h"

enum { SIZE = 1 << 20 };

static int from[2], to[2], sockets[2], source;
static unsigned char data[SIZE];

static void drain(int fd)
{
    static unsigned char sink[SIZE];
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    while (read(fd, sink, SIZE) > 0)
        continue;
    CHECK(errno == EAGAIN && fcntl(fd, F_SETFL, 0) == 0);
}

static void fill(int fd)
{
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    while (write(fd, data, SIZE) > 0)
        continue;
    CHECK(errno == EAGAIN && fcntl(fd, F_SETFL, 0) == 0);
}

static void all_empty(void *unused)
{
    (void)unused;
    drain(from[0]), drain(to[0]), drain(sockets[0]), drain(sockets[1]);
}

/* There is a word to send, and no room for it. */
static void no_room(void *unused)
{
    all_empty(unused);
    CHECK(write(from[1], "word", 4) == 4);
    fill(to[1]), fill(sockets[0]);
}

static void write_pipe(void *unused) { (void)unused; CHECK(write(from[1], "word", 4) == 4); }
static void write_socket(void *unused) { (void)unused; CHECK(write(sockets[1], "word", 4) == 4); }
static void drain_pipe(void *unused) { (void)unused; drain(to[0]); }

static void drain_socket(void *unused)
{
    static unsigned char sink[SIZE];
    (void)unused;
    while (!holds(&returned))
        if (recv(sockets[1], sink, SIZE, MSG_DONTWAIT) <= 0)
            sched_yield();
}

static long splice_pipes(void) { return splice(from[0], NULL, to[1], NULL, 4, 0); }
static long tee_pipes(void) { return tee(from[0], to[1], 4, 0); }
static long splice_from_socket(void) { return splice(sockets[0], NULL, to[1], NULL, 4, 0); }
static long splice_to_socket(void) { return splice(from[0], NULL, sockets[0], NULL, 4, 0); }
static long vmsplice_memory(void) { return vmsplice(to[1], &(struct iovec){ data, 4 }, 1, 0); }
static long vmsplice_to_memory(void) { return vmsplice(from[0], &(struct iovec){ data, 4 }, 1, 0); }
static long sendfile_to_socket(void) { return sendfile(sockets[0], source, &(off_t){ 0 }, 4); }
static long sendfile_to_pipe(void) { return sendfile(to[1], source, &(off_t){ 0 }, 4); }

static long splice_file(void)
{
    loff_t place = 0;
    return splice(source, &place, to[1], NULL, 4, 0);
}

static struct wait waits[] = {
    { "splice, empty pipe", all_empty, splice_pipes, is_entered, write_pipe, 1, 1 },
    { "splice, full pipe", no_room, splice_pipes, is_entered, drain_pipe, 1, 1 },
    { "splice, file to full pipe", no_room, splice_file, is_entered, drain_pipe, 1, 1 },
    { "splice, empty socket", all_empty, splice_from_socket, is_entered, write_socket, 1, 1 },
    { "splice, full socket", no_room, splice_to_socket, is_entered, drain_socket, 1, 1 },
    { "tee, empty pipe", all_empty, tee_pipes, is_entered, write_pipe, 1, 1 },
    { "tee, full pipe", no_room, tee_pipes, is_entered, drain_pipe, 1, 1 },
    { "vmsplice, full pipe", no_room, vmsplice_memory, is_entered, drain_pipe, 1, 1 },
    { "vmsplice, empty pipe", all_empty, vmsplice_to_memory, is_entered, write_pipe, 1, 1 },
    { "sendfile, full socket", no_room, sendfile_to_socket, is_entered, drain_socket, 1, 0 },
    { "sendfile, full pipe", no_room, sendfile_to_pipe, is_entered, drain_pipe, 1, 0 },
};

static void *send_all(void *argument)
{
    int out = *(int *)argument;
    off_t place = 0;
    while (place < SIZE)
        CHECK(sendfile(out, source, &place, (size_t)(SIZE - place)) > 0);
    return NULL;
}

static void send_whole_file(const char *name, int out, int in)
{
    pthread_t sender = start(send_all, &out);
    others_run();
    memset(data, 0, SIZE);
    CHECK(read_all(in, data, SIZE) == SIZE);
    join(sender);
    pattern_check(data, SIZE, 0);
    printf("sendfile, a large file to a %s: whole\n", name);
}

static void no_waiting(void)
{
    all_empty(NULL);
    FAILS(EAGAIN, splice(from[0], NULL, to[1], NULL, 4, SPLICE_F_NONBLOCK));
    FAILS(EAGAIN, tee(from[0], to[1], 4, SPLICE_F_NONBLOCK));
    no_room(NULL);
    FAILS(EAGAIN, splice(from[0], NULL, to[1], NULL, 4, SPLICE_F_NONBLOCK));
    FAILS(EAGAIN, tee(from[0], to[1], 4, SPLICE_F_NONBLOCK));
    FAILS(EAGAIN, vmsplice(to[1], &(struct iovec){ data, 4 }, 1, SPLICE_F_NONBLOCK));
    CHECK(fcntl(sockets[0], F_SETFL, O_NONBLOCK) == 0 && fcntl(to[1], F_SETFL, O_NONBLOCK) == 0);
    FAILS(EAGAIN, sendfile(sockets[0], source, &(off_t){ 0 }, 4));
    FAILS(EAGAIN, splice(from[0], NULL, sockets[0], NULL, 4, 0));
    FAILS(EAGAIN, sendfile(to[1], source, &(off_t){ 0 }, 4));
    CHECK(fcntl(sockets[0], F_SETFL, 0) == 0 && fcntl(to[1], F_SETFL, 0) == 0);
}

static void errors(void)
{
    loff_t place = 0;
    all_empty(NULL);
    FAILS(EINVAL, splice(source, NULL, sockets[0], NULL, 4, 0));
    FAILS(ESPIPE, splice(from[0], &place, to[1], NULL, 4, 0));
    FAILS(EINVAL, splice(from[0], NULL, from[1], NULL, 4, 0));
    FAILS(EBADF, splice(-1, NULL, to[1], NULL, 4, 0));
    FAILS(EINVAL, tee(sockets[0], to[1], 4, 0));
    FAILS(EBADF, vmsplice(source, &(struct iovec){ data, 4 }, 1, 0));
    FAILS(EBADF, sendfile(sockets[0], -1, NULL, 4));
    CHECK(close(from[1]) == 0);
    printf("splice, nobody writes: %zd\n", splice(from[0], NULL, to[1], NULL, 4, 0));
    printf("tee, nobody writes: %zd\n", tee(from[0], to[1], 4, 0));
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    CHECK(close(to[0]) == 0 && close(sockets[1]) == 0);
    FAILS(EPIPE, vmsplice(to[1], &(struct iovec){ data, 4 }, 1, 0));
    FAILS(EPIPE, sendfile(sockets[0], source, &(off_t){ 0 }, 4));

    loff_t in = 100, out = 0;
    int copy = temporary_file(0);
    CHECK(copy_file_range(source, &in, copy, &out, 50, 0) == 50);
    CHECK(in == 150 && out == 50 && pread(copy, data, 60, 0) == 50);
    pattern_check(data, 50, 100);
    FAILS(EINVAL, copy_file_range(source, &(loff_t){ 0 }, source, &(loff_t){ 10 }, 50, 0));
    FAILS(EINVAL, copy_file_range(from[0], NULL, copy, NULL, 50, 0));
    FAILS(EBADF, copy_file_range(source, &(loff_t){ 0 }, -1, NULL, 50, 0));
}

int main(void)
{
    CHECK(pipe(from) == 0 && pipe(to) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
    source = temporary_file(0);
    pattern_fill(data, SIZE, 0);
    write_all(source, data, SIZE);
    in_four_ways(waits, COUNT(waits));
    all_empty(NULL);
    send_whole_file("socket", sockets[0], sockets[1]);
    send_whole_file("pipe", to[1], to[0]);
    no_waiting();
    errors();
    return 0;
}
