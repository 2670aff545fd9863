/* The functions that take no lock wait for input and for room too, and others
 * run meanwhile, alone and between flockfile() and funlockfile():
 * unlocked_stdio(3).
 */
#include "lib/stdio_pipe.h"
#include <wchar.h>

enum { SIZE = 200000 };

static void *by_getc(void *unused)
{
    for (const char *next = "a line\n"; *next; next++)
        CHECK((*next == 'l' ? fgetc_unlocked(in) : getc_unlocked(in)) == *next);
    return unused;
}

static void *by_fgets(void *unused)
{
    char line[16];
    CHECK(fgets_unlocked(line, sizeof line, in) == line && strcmp(line, "a line\n") == 0);
    return unused;
}

static void *by_fread(void *unused)
{
    char line[7];
    CHECK(fread_unlocked(line, 1, sizeof line, in) == 7 && memcmp(line, "a line\n", 7) == 0);
    return unused;
}

static void *by_getchar(void *unused)
{
    for (const char *next = "a line\n"; *next; next++)
        CHECK(getchar_unlocked() == *next);
    return unused;
}

static void *while_locked(void *unused)
{
    flockfile(in);
    by_fgets(NULL);
    CHECK(!feof_unlocked(in) && !ferror_unlocked(in) && fileno_unlocked(in) == ends[0]);
    funlockfile(in);
    return unused;
}

static void by_putc(const char *data)
{
    for (size_t i = 0; i < SIZE; i++)
        CHECK((i % 2 ? putc_unlocked(data[i], out) : fputc_unlocked(data[i], out)) != EOF);
}

static void by_fwrite(const char *data)
{
    CHECK(fwrite_unlocked(data, 1, SIZE / 2, out) == SIZE / 2);
    CHECK(fwrite_unlocked(data + SIZE / 2, SIZE / 2, 1, out) == 1);
}

/* Line by line, as the pattern has no NUL in it. */
static void by_fputs(const char *data)
{
    char piece[101];
    for (size_t i = 0; i < SIZE; i += 100) {
        memcpy(piece, data + i, 100);
        piece[100] = '\0';
        CHECK(fputs_unlocked(piece, out) >= 0);
    }
}

static void *write_with(void *way)
{
    char *data = malloc(SIZE);
    CHECK(data);
    for (size_t i = 0; i < SIZE; i++)
        data[i] = (char)('a' + i % 26);
    ((void (*)(const char *))way)(data);
    CHECK(fflush_unlocked(out) == 0);
    free(data);
    return NULL;
}

static void writes(const char *name, void (*way)(const char *))
{
    static char data[SIZE];
    pthread_t thread = start(write_with, (void *)way);
    others_run();
    CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY);
    CHECK(read_all(ends[0], data, SIZE) == SIZE);
    join(thread);
    for (size_t i = 0; i < SIZE; i++)
        CHECK(data[i] == (char)('a' + i % 26));
    printf("%s waits\n", name);
}

/* putchar_unlocked(): a child's stdout is the pipe. */
static void *put_chars(void *unused)
{
    for (size_t i = 0; i < SIZE; i++)
        CHECK(putchar_unlocked('a' + (int)(i % 26)) != EOF);
    CHECK(fflush(stdout) == 0);
    return unused;
}

static void writes_stdout(void)
{
    static char data[SIZE];
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        CHECK(dup2(ends[1], 1) == 1 && close(ends[1]) == 0);
        pthread_t thread = start(put_chars, NULL);
        others_run();
        join(thread);
        _exit(0);
    }
    CHECK(read_all(ends[0], data, SIZE) == SIZE);
    for (size_t i = 0; i < SIZE; i++)
        CHECK(data[i] == (char)('a' + i % 26));
    printf("putchar_unlocked waits: %s\n", child_end(child));
}

int main(void)
{
    CHECK(pipe(ends) == 0);
    open_streams();
    others_run();
    reads("getc_unlocked", by_getc);
    reads("fgets_unlocked", by_fgets);
    reads("fread_unlocked", by_fread);
    reads("fgets_unlocked, locked", while_locked);
    writes("putc_unlocked", by_putc);
    writes("fwrite_unlocked", by_fwrite);
    writes("fputs_unlocked", by_fputs);
    writes_stdout();
    CHECK(dup2(ends[0], 0) == 0);
    reads("getchar_unlocked", by_getchar);
    return 0;
}
