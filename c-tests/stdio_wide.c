/* Wide characters on pipes and sockets: fgetws, getwc, fwscanf and getwchar
 * wait for input, fputws, fwprintf and putwc for room, a character that comes
 * in two pieces is put together, and others run meanwhile: fgetws(3),
 * getwc(3), ungetwc(3), wprintf(3), utf-8(7).
 */
#include "lib/check.h"
#include <locale.h>
#include <wchar.h>

enum { LINES = 8000 };

static FILE *in, *out;
static int from, to;

static void *by_fgetws(void *unused)
{
    wchar_t line[16];
    CHECK(fgetws(line, 16, in) == line && wcscmp(line, L"a\u00e9\u20ac 7\n") == 0);
    return unused;
}

static void *by_getwc(void *unused)
{
    for (const wchar_t *next = L"a\u00e9\u20ac 7\n"; *next; next++) {
        wint_t got = getwc(in);
        CHECK(got == (wint_t)*next);
        CHECK(ungetwc(got, in) == got && fgetwc(in) == got);
    }
    return unused;
}

static void *by_fwscanf(void *unused)
{
    wchar_t word[8];
    int number;
    CHECK(fwscanf(in, L"%7ls %d", word, &number) == 2);
    CHECK(wcscmp(word, L"a\u00e9\u20ac") == 0 && number == 7 && getwc(in) == L'\n');
    return unused;
}

/* The pieces end within a character. */
static void in_pieces(const char *name, thread_body *body)
{
    const char *line = "a\u00e9\u20ac 7\n";
    pthread_t thread = start(body, NULL);
    for (size_t i = 0; i < strlen(line); i += 2) {
        others_run();
        CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY);
        write_all(to, line + i, strlen(line) - i < 2 ? strlen(line) - i : 2);
    }
    join(thread);
    printf("  %s\n", name);
}

static void *print_many(void *unused)
{
    for (int i = 0; i < LINES; i++) {
        CHECK(fwprintf(out, L"%d \u20ac%ls\n", i, L"\u00e9") > 0);
        CHECK(fputws(L"\u00fc", out) >= 0 && putwc(L'\n', out) == L'\n');
    }
    CHECK(fclose(out) == 0);
    return unused;
}

static void *read_many(void *unused)
{
    wchar_t line[32], expected[32];
    for (int i = 0; i < LINES; i++) {
        swprintf(expected, 32, L"%d \u20ac\u00e9\n", i);
        CHECK(fgetws(line, 32, in) && wcscmp(line, expected) == 0);
        CHECK(getwc(in) == L'\u00fc' && getwc(in) == L'\n');
    }
    CHECK(getwc(in) == WEOF && feof(in));
    return unused;
}

static void both(const char *kind, int ends[2])
{
    puts(kind);
    from = ends[0], to = ends[1];
    CHECK((in = fdopen(from, "r")) && (out = fdopen(dup(to), "w")));
    CHECK(fwide(in, 1) > 0 && fwide(out, 1) > 0);
    in_pieces("fgetws", by_fgetws);
    in_pieces("getwc", by_getwc);
    in_pieces("fwscanf", by_fwscanf);
    close(to);
    pthread_t writer = start(print_many, NULL);
    others_run();
    CHECK(pthread_tryjoin_np(writer, NULL) == EBUSY);
    read_many(NULL);
    join(writer);
    CHECK(fclose(in) == 0);
    printf("  fwprintf, fputws, putwc: %d lines\n", LINES);
}

int main(void)
{
    int ends[2];
    CHECK(setlocale(LC_CTYPE, "C.UTF-8"));
    CHECK(pipe(ends) == 0);
    both("pipe", ends);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    both("socket", ends);

    /* The standard streams. */
    CHECK(pipe(ends) == 0 && dup2(ends[0], 0) == 0);
    in = stdin, to = ends[1];
    in_pieces("stdin", by_fgetws);
    in_pieces("stdin", by_getwc);
    CHECK(write(ends[1], "\xff", 1) == 1);
    CHECK(getwchar() == WEOF && errno == EILSEQ && ferror(stdin));
    puts("getwchar: EILSEQ");
    return 0;
}
