/* Programs built with _FORTIFY_SOURCE call printf, fgets, fread and others by
 * names like __printf_chk: these wait for room and for input as the plain ones
 * do, and others run meanwhile: feature_test_macros(7), printf(3), fgets(3),
 * fread(3), dprintf(3), asprintf(3).
 *
 * test: cflags=-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
 */
#include "lib/stdio_pipe.h"
#include <stdarg.h>
#include <wchar.h>

enum { LINES = 6000 };

/* The compiler must not know how much is asked for: only then does it call the
 * checking function. */
static volatile size_t one = 1, seven = 7, sixteen = 16;

static void *by_fgets(void *unused)
{
    char line[16];
    CHECK(fgets(line, (int)sixteen, in) == line && strcmp(line, "a line\n") == 0);
    return unused;
}

static void *by_fgets_unlocked(void *unused)
{
    char line[16];
    CHECK(fgets_unlocked(line, (int)sixteen, in) == line && strcmp(line, "a line\n") == 0);
    return unused;
}

static void *by_fread(void *unused)
{
    char line[16];
    CHECK(fread(line, one, seven, in) == 7 && memcmp(line, "a line\n", 7) == 0);
    return unused;
}

static void *by_fread_unlocked(void *unused)
{
    char line[16];
    CHECK(fread_unlocked(line, seven, one, in) == 1 && memcmp(line, "a line\n", 7) == 0);
    return unused;
}

/* ---- printing: a line of 13 bytes with its number --------------------------- */

__attribute__((format(printf, 1, 2)))
static int list(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vfprintf(out, format, arguments);
    va_end(arguments);
    return size;
}

__attribute__((format(printf, 1, 2)))
static int list_to_descriptor(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vdprintf(ends[1], format, arguments);
    va_end(arguments);
    return size;
}

static int by_fprintf(int i) { return fprintf(out, "line %07d\n", i); }
static int by_vfprintf(int i) { return list("line %07d\n", i); }
static int by_dprintf(int i) { return dprintf(ends[1], "line %07d\n", i); }
static int by_vdprintf(int i) { return list_to_descriptor("line %07d\n", i); }

static int by_asprintf(int i)
{
    char *text, copy[16];
    CHECK(asprintf(&text, "line %07d\n", i) == 13);
    CHECK(snprintf(copy, sixteen, "%s", text) == 13);
    free(text);
    return (int)fwrite(copy, one, 13, out);
}

static void *print_with(void *way)
{
    for (int i = 0; i < LINES; i++)
        CHECK(((int (*)(int))way)(i) == 13);
    CHECK(fflush(out) == 0);
    return NULL;
}

static void prints(const char *name, int (*way)(int))
{
    static char data[13 * LINES];
    char line[16];
    pthread_t thread = start(print_with, (void *)way);
    others_run();
    CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY);
    CHECK(read_all(ends[0], data, sizeof data) == sizeof data);
    join(thread);
    for (int i = 0; i < LINES; i++) {
        snprintf(line, sixteen, "line %07d\n", i);
        CHECK(memcmp(data + 13 * i, line, 13) == 0);
    }
    printf("%s waits\n", name);
}

static void *print_to_stdout(void *unused)
{
    for (int i = 0; i < LINES; i++)
        CHECK(printf("line %07d\n", i) == 13);
    CHECK(fflush(stdout) == 0);
    return unused;
}

static void prints_stdout(void)
{
    static char data[13 * LINES];
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        CHECK(dup2(ends[1], 1) == 1);
        pthread_t thread = start(print_to_stdout, NULL);
        others_run();
        join(thread);
        _exit(0);
    }
    CHECK(read_all(ends[0], data, sizeof data) == sizeof data);
    CHECK(memcmp(data + sizeof data - 13, "line 0005999\n", 13) == 0);
    printf("printf waits: %s\n", child_end(child));
}

int main(void)
{
    CHECK(pipe(ends) == 0 && fcntl(ends[1], F_SETPIPE_SZ, 4096) > 0);
    open_streams();
    others_run();
    reads("fgets", by_fgets);
    reads("fgets_unlocked", by_fgets_unlocked);
    reads("fread", by_fread);
    reads("fread_unlocked", by_fread_unlocked);
    prints("fprintf", by_fprintf);
    prints("vfprintf", by_vfprintf);
    prints("dprintf", by_dprintf);
    prints("vdprintf", by_vdprintf);
    prints("asprintf, fwrite", by_asprintf);
    prints_stdout();
    return 0;
}
