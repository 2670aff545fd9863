/* Two threads print 20,000 lines each to one FILE on one full pipe: no line is
 * torn, none is lost, each thread's lines keep their order: flockfile(3)
 * ("stdio functions are thread-safe").
 */
#include "lib/check.h"

enum { WRITERS = 2, LINES = 20000 };

static FILE *out;

static void *print_lines(void *argument)
{
    long self = (long)argument;
    for (int i = 0; i < LINES; i++) {
        int length = 1 + i % 60;
        CHECK(fprintf(out, "%ld %d %.*s\n", self, i, length,
                      "......................................................"
                      "......") > 0);
    }
    return NULL;
}

static void *check_lines(void *argument)
{
    FILE *in = fdopen(*(int *)argument, "r");
    int next[WRITERS] = { 0 };
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    CHECK(in);
    while ((length = getline(&line, &size, in)) > 0) {
        int writer, number, end;
        CHECK(sscanf(line, "%d %d %n", &writer, &number, &end) == 2);
        CHECK(writer >= 0 && writer < WRITERS && number == next[writer]);
        CHECK(length == end + 1 + number % 60 + 1);
        CHECK((int)strspn(line + end, ".") == 1 + number % 60);
        next[writer]++;
    }
    for (int i = 0; i < WRITERS; i++)
        CHECK(next[i] == LINES);
    free(line);
    fclose(in);
    return NULL;
}

int main(void)
{
    int ends[2];
    pthread_t writers[WRITERS];
    CHECK(pipe(ends) == 0 && (out = fdopen(ends[1], "w")));
    for (long i = 0; i < WRITERS; i++)
        writers[i] = start(print_lines, (void *)i);
    others_run();
    pthread_t reader = start(check_lines, &ends[0]);
    for (int i = 0; i < WRITERS; i++)
        join(writers[i]);
    CHECK(fclose(out) == 0);
    join(reader);
    printf("%d whole lines\n", WRITERS * LINES);
    return 0;
}
