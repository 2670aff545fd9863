/* Input that comes a piece at a time: scanf, fscanf, vfscanf, getline,
 * getdelim, fgets and fgetc wait for the rest, wherever the piece ends, and
 * others run meanwhile. The end of input within an item is told as natively:
 * scanf(3), getline(3).
 */
#include "lib/check.h"
#include <stdarg.h>

static FILE *in;
static int ends[2];
static const char text[] = "-12 0x1fp3 word%  [abc]def 3.25e2,77\nsecond line\nx:y:z:last\n";

__attribute__((format(scanf, 1, 2)))
static int scan(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int items = vfscanf(in, format, arguments);
    va_end(arguments);
    return items;
}

static void *read_items(void *unused)
{
    int first, last, items;
    double second, fifth;
    char third[8], fourth[8], *line = NULL;
    size_t size = 0;
    items = fscanf(in, "%d %lf", &first, &second);
    printf("%d items: %d %.1f\n", items, first, second);
    items = scan(" %4[a-z]%% [%3[a-c]]%*[def]", third, fourth);
    printf("%d items: %s %s\n", items, third, fourth);
    items = fscanf(in, "%lf,%d\n", &fifth, &last);
    printf("%d items: %.2f %d\n", items, fifth, last);

    ssize_t length = getline(&line, &size, in);
    printf("%zd: %s", length, line);
    for (int i = 0; i < 3; i++) {
        length = getdelim(&line, &size, ':', in);
        printf("%zd: %s\n", length, line);
    }
    char end[16];
    CHECK(fgets(end, 3, in) == end && strcmp(end, "la") == 0);
    CHECK(fscanf(in, "%m[a-z]", &line) == 1 && strcmp(line, "st") == 0);
    CHECK(fgetc(in) == '\n');
    return unused;
}

static void in_pieces(size_t piece)
{
    printf("pieces of %zu\n", piece);
    fflush(stdout);
    pthread_t thread = start(read_items, NULL);
    for (size_t i = 0; i < sizeof text - 1; i += piece) {
        size_t rest = sizeof text - 1 - i;
        others_run();
        write_all(ends[1], text + i, rest < piece ? rest : piece);
    }
    join(thread);
}

static void *scan_stdin(void *unused)
{
    int number;
    char word[8];
    CHECK(scanf("%d %7s", &number, word) == 2);
    printf("scanf: %d %s\n", number, word);
    return unused;
}

static void *scan_to_end(void *unused)
{
    int first = 0, second = 0;
    char *line = NULL;
    size_t size = 0;
    int items = fscanf(in, "%d %d", &first, &second);
    printf("at the end: %d items, %d %d, eof %d\n", items, first, second, feof(in));
    items = fscanf(in, "%d", &first);
    printf("beyond: %d, getline %zd\n", items, getline(&line, &size, in));
    free(line);
    return unused;
}

static void open_pipe(void)
{
    CHECK(pipe(ends) == 0 && (in = fdopen(ends[0], "r")));
}

int main(void)
{
    open_pipe();
    others_run();
    in_pieces(1);
    in_pieces(7);
    in_pieces(sizeof text);

    CHECK(dup2(ends[0], 0) == 0);
    pthread_t thread = start(scan_stdin, NULL);
    others_run();
    write_all(ends[1], "4", 1);
    others_run();
    write_all(ends[1], "2 wo", 4);
    others_run();
    write_all(ends[1], "rd\n", 3);
    join(thread);

    open_pipe();
    thread = start(scan_to_end, NULL);
    others_run();
    write_all(ends[1], "12 3", 4);
    others_run();
    close(ends[1]);
    join(thread);

    /* A descriptor that does not wait: stdio tells EAGAIN, and goes on later. */
    open_pipe();
    CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    errno = 0;
    CHECK(getc(in) == EOF && errno == EAGAIN && ferror(in) && !feof(in));
    clearerr(in);
    give(ends[1], 'x');
    CHECK(getc(in) == 'x');
    puts("O_NONBLOCK: EAGAIN, then the byte");
    return 0;
}
