/* Twenty threads print to one stdout, a pipe that is full most of the time, by
 * puts, printf, fputs, fwrite and putc under flockfile: no line is torn, none
 * lost, and each thread's lines keep their order: stdio(3), flockfile(3).
 */
#include "lib/numbered_lines.h"

enum { WRITERS = 20, LINES = 600 };

static void by_printf(const char *line) { CHECK(printf("%s\n", line) > 0); }
static void by_puts(const char *line) { CHECK(puts(line) >= 0); }

static void by_fputs(const char *line)
{
    char whole[128];
    snprintf(whole, sizeof whole, "%s\n", line);
    CHECK(fputs(whole, stdout) >= 0);
}

static void by_fwrite(const char *line)
{
    char whole[128];
    size_t size = (size_t)snprintf(whole, sizeof whole, "%s\n", line);
    CHECK(fwrite(whole, 1, size, stdout) == size);
}

static void by_putc(const char *line)
{
    flockfile(stdout);
    for (; *line; line++)
        CHECK(putc(*line, stdout) == *line);
    CHECK(putchar('\n') == '\n');
    funlockfile(stdout);
}

static void (*const ways[])(const char *) = {
    by_printf, by_puts, by_fputs, by_fwrite, by_putc,
};

static void *print_lines(void *argument)
{
    long self = (long)argument;
    char line[96];
    for (int i = 0; i < LINES; i++) {
        snprintf(line, sizeof line, "%ld %d %.*s", self, i, dots_of(i), dots);
        ways[((size_t)self + (size_t)i) % COUNT(ways)](line);
    }
    return NULL;
}

static void *read_lines(void *from)
{
    check_lines(*(int *)from, WRITERS, LINES);
    return NULL;
}

/* `mode` is stdout's buffering. */
static void exercise(const char *name, int mode, FILE *report)
{
    int ends[2];
    pthread_t writers[WRITERS];
    CHECK(pipe2(ends, O_CLOEXEC) == 0 && fcntl(ends[1], F_SETPIPE_SZ, 4096) > 0);
    CHECK(dup2(ends[1], 1) == 1 && close(ends[1]) == 0);
    CHECK(setvbuf(stdout, NULL, mode, 0) == 0);
    for (long i = 0; i < WRITERS; i++)
        writers[i] = start(print_lines, (void *)i);
    others_run();
    pthread_t reader = start(read_lines, &ends[0]);
    for (int i = 0; i < WRITERS; i++)
        join(writers[i]);
    CHECK(fflush(stdout) == 0 && dup2(fileno(report), 1) == 1);
    join(reader);
    fprintf(report, "%s: %d whole lines\n", name, WRITERS * LINES);
}

int main(void)
{
    FILE *report = fdopen(dup(1), "w");
    CHECK(report);
    exercise("by buffers", _IOFBF, report);
    exercise("by lines", _IOLBF, report);
    CHECK(fclose(report) == 0);
    return 0;
}
