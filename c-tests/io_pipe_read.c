/* A thread that waits in read() on an empty pipe holds up nobody else, and
 * gets what is written later: pipe(7), read(2).
 */
#include "lib/check.h"

struct reader {
    int fd;
    char text[32];
    ssize_t count;
};

static void *read_once(void *argument)
{
    struct reader *reader = argument;
    reader->count = read(reader->fd, reader->text, sizeof reader->text);
    return NULL;
}

int main(void)
{
    int ends[2];
    CHECK(pipe(ends) == 0);

    for (int round = 0; round < 5; round++) {
        struct reader reader = { .fd = ends[0] };
        pthread_t thread = start(read_once, &reader);
        others_run();
        CHECK(write(ends[1], "message", 7) == 7);
        join(thread);
        CHECK(reader.count == 7 && memcmp(reader.text, "message", 7) == 0);
    }
    puts("five late messages arrived");

    /* What is there comes at once, and no more than was asked for. */
    char text[8];
    CHECK(write(ends[1], "abcdef", 6) == 6);
    CHECK(read(ends[0], text, 4) == 4 && memcmp(text, "abcd", 4) == 0);
    CHECK(read(ends[0], text, 8) == 2 && memcmp(text, "ef", 2) == 0);
    puts("short reads keep the rest");
    return 0;
}
