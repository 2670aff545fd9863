/* Two threads print 20,000 lines each to one FILE on one full pipe: no line is
 * torn, none is lost, each thread's lines keep their order: flockfile(3)
 * ("stdio functions are thread-safe").
 */
#include "lib/numbered_lines.h"

enum { WRITERS = 2, LINES = 20000 };

static FILE *out;

static void *print_lines(void *argument)
{
    long self = (long)argument;
    for (int i = 0; i < LINES; i++)
        CHECK(fprintf(out, "%ld %d %.*s\n", self, i, dots_of(i), dots) > 0);
    return NULL;
}

static void *read_lines(void *from)
{
    check_lines(*(int *)from, WRITERS, LINES);
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
    pthread_t reader = start(read_lines, &ends[0]);
    for (int i = 0; i < WRITERS; i++)
        join(writers[i]);
    CHECK(fclose(out) == 0);
    join(reader);
    printf("%d whole lines\n", WRITERS * LINES);
    return 0;
}
