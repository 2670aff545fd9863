/* Two threads wait in stdio, each on a FILE of its own, a third uses stdio
 * freely meanwhile: a wait holds one FILE, not the library: stdio(3).
 */
#include "lib/check.h"

struct stream {
    FILE *in, *out;
    char line[16];
};

static void *read_line(void *argument)
{
    struct stream *stream = argument;
    CHECK(fgets(stream->line, sizeof stream->line, stream->in));
    return NULL;
}

/* Opens, prints to, reads from and closes yet other FILEs. */
static void use_others(void)
{
    char line[16];
    FILE *file = tmpfile();
    CHECK(file);
    CHECK(fprintf(file, "%d\n", 42) == 3);
    rewind(file);
    CHECK(fgets(line, sizeof line, file) && strcmp(line, "42\n") == 0);
    CHECK(fclose(file) == 0);
}

int main(void)
{
    struct stream streams[2];
    pthread_t readers[2];
    for (int i = 0; i < 2; i++) {
        int ends[2];
        CHECK(pipe(ends) == 0);
        CHECK((streams[i].in = fdopen(ends[0], "r")));
        CHECK((streams[i].out = fdopen(ends[1], "w")));
        readers[i] = start(read_line, &streams[i]);
    }
    others_run();
    use_others();
    puts("stdio goes on while two wait");

    for (int i = 1; i >= 0; i--) {
        fprintf(streams[i].out, "line %d\n", i);
        CHECK(fflush(streams[i].out) == 0);
        join(readers[i]);
        printf("got %s", streams[i].line);
        CHECK(strcmp(streams[i].line, i ? "line 1\n" : "line 0\n") == 0);
    }
    return 0;
}
