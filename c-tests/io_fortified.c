/* Programs built with _FORTIFY_SOURCE and for large files call read, recv,
 * poll, fcntl and others by names like __read_chk and fcntl64: these wait as
 * the plain ones do, and others run meanwhile: feature_test_macros(7), read(2),
 * recv(2), poll(2), readv(2), fcntl(2).
 *
 * test: cflags=-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -D_FILE_OFFSET_BITS=64 -D_LARGEFILE64_SOURCE
 */
#include "lib/check.h"
#include <poll.h>
#include <sys/uio.h>

/* The compiler must not know how much is asked for, but how much there is room
 * for: only then does it call the checking function. */
static volatile size_t one = 1, four = 4;

static void *call_read(void *argument)
{
    char text[8];
    CHECK(read(*(int *)argument, text, four) == 4);
    return NULL;
}

static void *call_recv(void *argument)
{
    char text[8];
    CHECK(recv(*(int *)argument, text, four, MSG_WAITALL) == 4);
    return NULL;
}

static void *call_recvfrom(void *argument)
{
    char text[8];
    CHECK(recvfrom(*(int *)argument, text, four, 0, NULL, NULL) == 4);
    return NULL;
}

static void take_word(int fd)
{
    char word[4];
    CHECK(read_all(fd, word, 4) == 4 && memcmp(word, "word", 4) == 0);
}

static void *call_poll(void *argument)
{
    struct pollfd entries[2] = { { .fd = *(int *)argument, .events = POLLIN } };
    CHECK(poll(entries, one, -1) == 1 && entries[0].revents == POLLIN);
    take_word(*(int *)argument);
    return NULL;
}

static void *call_ppoll(void *argument)
{
    struct pollfd entries[2] = { { .fd = *(int *)argument, .events = POLLIN } };
    CHECK(ppoll(entries, one, NULL, NULL) == 1 && entries[0].revents == POLLIN);
    take_word(*(int *)argument);
    return NULL;
}

static void *call_readv(void *argument)
{
    char text[8];
    struct iovec pieces[] = { { text, one }, { text + 1, 3 } };
    CHECK(readv(*(int *)argument, pieces, 2) == 4);
    return NULL;
}

/* With the offset -1 a pipe or socket will do. */
static void *call_preadv2(void *argument)
{
    char text[8];
    struct iovec piece = { text, four };
    CHECK(preadv2(*(int *)argument, &piece, 1, -1, 0) == 4);
    return NULL;
}

static void waits(const char *name, thread_body *body, int to, int from)
{
    pthread_t thread = start(body, &from);
    others_run();
    CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY);
    struct iovec word = { "word", four };
    CHECK(pwritev2(to, &word, 1, -1, 0) == 4);
    join(thread);
    printf("%s waits\n", name);
}

static void *write_too_much(void *argument)
{
    enum { SIZE = 1 << 20 };
    char *data = malloc(SIZE);
    struct iovec piece = { data, SIZE };
    pattern_fill(data, SIZE, 0);
    CHECK(pwritev2(*(int *)argument, &piece, 1, -1, 0) == SIZE);
    free(data);
    return NULL;
}

static void pwritev2_waits(int to, int from)
{
    static unsigned char data[1 << 20];
    pthread_t thread = start(write_too_much, &to);
    others_run();
    CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY);
    CHECK(read_all(from, data, sizeof data) == sizeof data);
    pattern_check(data, sizeof data, 0);
    join(thread);
    puts("pwritev2 waits");
}

static void at_places(void)
{
    char text[8] = "";
    int file = temporary_file(0);
    struct iovec word = { "word", 4 }, piece = { text, four };
    CHECK(pwritev(file, &word, 1, 0) == 4 && pwrite64(file, "!", one, 4) == 1);
    CHECK(pread(file, text, four, 1) == 4 && memcmp(text, "ord!", 4) == 0);
    CHECK(pread64(file, text, four, 0) == 4 && memcmp(text, "word", 4) == 0);
    CHECK(preadv(file, &piece, 1, 1) == 4 && memcmp(text, "ord!", 4) == 0);
    close(file);
    puts("pread, preadv and pwritev at a place");
}

int main(void)
{
    int ends[2], pair[2];
    CHECK(pipe(ends) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    waits("read on a pipe", call_read, ends[1], ends[0]);
    waits("read on a socket", call_read, pair[0], pair[1]);
    waits("recv", call_recv, pair[0], pair[1]);
    waits("recvfrom", call_recvfrom, pair[0], pair[1]);
    waits("poll", call_poll, ends[1], ends[0]);
    waits("ppoll", call_ppoll, pair[0], pair[1]);
    waits("readv", call_readv, ends[1], ends[0]);
    waits("preadv2", call_preadv2, ends[1], ends[0]);
    pwritev2_waits(ends[1], ends[0]);
    at_places();

    CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    FAILS(EAGAIN, read(ends[0], (char[8]){ 0 }, four));
    int copy = fcntl(ends[0], F_DUPFD_CLOEXEC, 0);
    CHECK(copy >= 0 && (fcntl(copy, F_GETFL) & O_NONBLOCK));
    puts("fcntl sets and copies");
    return 0;
}
