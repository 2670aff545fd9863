/* stdio on pipes across threads: fgets(), getline(), fread(), fscanf() and
 * getc() wait for input, fprintf() and fflush() for room, and hold up nobody
 * else: stdio(3).
 */
#include "lib/check.h"
#include <wchar.h>

static FILE *in, *out;

static void *by_fgets(void *unused)
{
    char line[32];
    CHECK(fgets(line, sizeof line, in) == line);
    CHECK(strcmp(line, "a line\n") == 0);
    return unused;
}

static void *by_getline(void *unused)
{
    char *line = NULL;
    size_t size = 0;
    CHECK(getline(&line, &size, in) == 7 && strcmp(line, "a line\n") == 0);
    free(line);
    return unused;
}

static void *by_fread(void *unused)
{
    char line[7];
    CHECK(fread(line, 1, sizeof line, in) == sizeof line);
    CHECK(memcmp(line, "a line\n", 7) == 0);
    return unused;
}

static void *by_fscanf(void *unused)
{
    char first[8], second[8];
    CHECK(fscanf(in, "%7s %7s", first, second) == 2);
    CHECK(strcmp(first, "a") == 0 && strcmp(second, "line") == 0);
    CHECK(getc(in) == '\n');
    return unused;
}

static void *by_getc(void *unused)
{
    for (const char *next = "a line\n"; *next; next++)
        CHECK(getc(in) == *next);
    return unused;
}

static void read_late(thread_body *body)
{
    pthread_t thread = start(body, NULL);
    others_run();
    CHECK(fprintf(out, "a %s", "li") == 4 && fflush(out) == 0);
    others_run();
    CHECK(fputs("ne\n", out) >= 0 && fflush(out) == 0);
    join(thread);
}

enum { NUMBERS = 40000 };

static void *print_numbers(void *unused)
{
    for (int i = 0; i < NUMBERS; i++)
        CHECK(fprintf(out, "%d\n", i) > 0);
    CHECK(fclose(out) == 0);
    return unused;
}

static void *by_fgetws(void *unused)
{
    wchar_t line[16];
    CHECK(fgetws(line, 16, in) == line && wcscmp(line, L"wide\n") == 0);
    return unused;
}

static void open_both(void)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    CHECK((in = fdopen(ends[0], "r")) && (out = fdopen(ends[1], "w")));
}

int main(void)
{
    thread_body *ways[] = { by_fgets, by_getline, by_fread, by_fscanf, by_getc };
    const char *names[] = { "fgets", "getline", "fread", "fscanf", "getc" };
    open_both();
    for (size_t i = 0; i < COUNT(ways); i++) {
        read_late(ways[i]);
        printf("%s: waited for the line\n", names[i]);
    }

    pthread_t printer = start(print_numbers, NULL);
    others_run();
    for (int i = 0; i < NUMBERS; i++) {
        int number;
        CHECK(fscanf(in, "%d", &number) == 1 && number == i);
    }
    CHECK(getc(in) == '\n' && getc(in) == EOF && feof(in) && !ferror(in));
    join(printer);
    fclose(in);
    printf("fprintf: %d lines through a full pipe\n", NUMBERS);

    open_both();
    pthread_t reader = start(by_fgetws, NULL);
    others_run();
    CHECK(fputws(L"wide\n", out) >= 0 && fflush(out) == 0);
    join(reader);
    puts("fgetws: waited for the line");
    return 0;
}
