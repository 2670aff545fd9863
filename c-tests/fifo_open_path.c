/* A FIFO opened by path: open() waits for the other side, reads and writes
 * wait for data and room, and hold up nobody else: fifo(7).
 */
#include "lib/check.h"

enum { SIZE = 300000 };

static char directory[] = "/tmp/check-XXXXXX", path[64];

static void *read_token(void *argument)
{
    CHECK(take(*(int *)argument) == 'x');
    return NULL;
}

static void *write_pattern(void *argument)
{
    unsigned char *data = malloc(SIZE);
    CHECK(data);
    pattern_fill(data, SIZE, 0);
    CHECK(write(*(int *)argument, data, SIZE) == SIZE);
    free(data);
    return NULL;
}

static void *open_and_read(void *unused)
{
    char text[8];
    int fifo = open(path, O_RDONLY);
    CHECK(fifo >= 0);
    CHECK(read_all(fifo, text, sizeof text) == 5);
    CHECK(memcmp(text, "hello", 5) == 0);
    close(fifo);
    return unused;
}

static void *open_and_write(void *unused)
{
    FILE *fifo = fopen(path, "w");
    CHECK(fifo && fputs("hello", fifo) >= 0 && fclose(fifo) == 0);
    return unused;
}

int main(void)
{
    CHECK(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/fifo", directory);
    CHECK(mkfifo(path, 0600) == 0);

    int fifo = open(path, O_RDWR);
    CHECK(fifo >= 0);
    pthread_t thread = start(read_token, &fifo);
    others_run();
    give(fifo, 'x');
    join(thread);
    puts("O_RDWR: read waits");

    thread = start(write_pattern, &fifo);
    others_run();
    unsigned char *data = malloc(SIZE);
    CHECK(data && read_all(fifo, data, SIZE) == SIZE);
    pattern_check(data, SIZE, 0);
    free(data);
    join(thread);
    CHECK((fcntl(fifo, F_GETFL) & (O_ACCMODE | O_NONBLOCK)) == O_RDWR);
    close(fifo);
    puts("O_RDWR: write waits");

    FAILS(ENXIO, open(path, O_WRONLY | O_NONBLOCK));
    pthread_t reader = start(open_and_read, NULL);
    others_run();
    pthread_t writer = start(open_and_write, NULL);
    join(reader), join(writer);
    puts("open to read waits for a writer");

    writer = start(open_and_write, NULL);
    others_run();
    reader = start(open_and_read, NULL);
    join(reader), join(writer);
    puts("open to write waits for a reader");

    CHECK(unlink(path) == 0 && rmdir(directory) == 0);
    return 0;
}
