/* splice(), tee(), sendfile() and copy_file_range() that have to wait for a
 * pipe or a socket hold up nobody else: splice(2), tee(2), sendfile(2).
 */
#include "lib/check.h"
#include <sys/sendfile.h>

enum { SIZE = 1 << 20 };

static int from[2], to[2], sockets[2];

static void *splice_word(void *unused)
{
    (void)unused;
    CHECK(tee(from[0], to[1], 4, 0) == 4);
    CHECK(splice(from[0], NULL, to[1], NULL, 4, 0) == 4);
    return NULL;
}

static void *send_whole_file(void *argument)
{
    off_t place = 0;
    while (place < SIZE)
        CHECK(sendfile(sockets[0], *(int *)argument, &place,
                       (size_t)(SIZE - place)) > 0);
    return NULL;
}

int main(void)
{
    CHECK(pipe(from) == 0 && pipe(to) == 0);
    pthread_t thread = start(splice_word, NULL);
    others_run();
    CHECK(write(from[1], "word", 4) == 4);
    join(thread);
    char text[8];
    CHECK(read_all(to[0], text, 8) == 8 && memcmp(text, "wordword", 8) == 0);
    puts("tee and splice waited for a pipe");

    static unsigned char data[SIZE];
    int file = temporary_file(0), copy = temporary_file(0);
    pattern_fill(data, SIZE, 0);
    write_all(file, data, SIZE);

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
    thread = start(send_whole_file, &file);
    others_run();
    memset(data, 0, SIZE);
    CHECK(read_all(sockets[1], data, SIZE) == SIZE);
    join(thread);
    pattern_check(data, SIZE, 0);
    puts("sendfile waited for a socket");

    off_t in = 100, out = 0;
    CHECK(copy_file_range(file, &in, copy, &out, 50, 0) == 50);
    CHECK(in == 150 && out == 50 && pread(copy, data, 60, 0) == 50);
    pattern_check(data, 50, 100);
    puts("copy_file_range copied");
    return 0;
}
