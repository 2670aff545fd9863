/* exit() that flushes into a full pipe waits for the reader, also if that is
 * a thread of the same process, which lives until all is written: exit(3).
 */
#include "lib/check.h"

enum { SIZE = 300000 };

static int ends[2];

static void *drain(void *unused)
{
    char piece[1000];
    size_t total = 0;
    ssize_t count;
    while ((count = read(ends[0], piece, sizeof piece)) > 0) {
        pattern_check(piece, (size_t)count, total);
        total += (size_t)count;
    }
    return unused;
}

int main(void)
{
    static char buffer[2 * SIZE];
    CHECK(pipe(ends) == 0);
    FILE *out = fdopen(ends[1], "w");
    CHECK(out && setvbuf(out, buffer, _IOFBF, sizeof buffer) == 0);
    start(drain, NULL);
    others_run();
    for (int i = 0; i < SIZE; i++)
        putc((char)pattern_byte((size_t)i), out);
    puts("leaving with a full buffer");
    return 0;
}
