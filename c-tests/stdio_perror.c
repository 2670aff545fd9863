/* Messages to a full pipe on descriptor 2 wait for room and come out whole,
 * while others run: perror(3), psignal(3), psiginfo(3), warn(3), error(3),
 * and on stderr putc, puts, vfprintf and write themselves.
 */
#include "lib/check.h"
#include <err.h>
#include <error.h>
#include <stdarg.h>

static int ends[2];
static char filling[1 << 20];

static void call_perror(void) { errno = ENOENT, perror("perror"); }
static void call_psignal(void) { psignal(SIGUSR1, "psignal"); }
static void call_warn(void) { errno = EPERM, warn("%s", "warn"); }
static void call_warnx(void) { warnx("%s", "warnx"); }
static void call_error(void) { error(0, EINTR, "%d", 1); }
static void call_error_at_line(void) { error_at_line(0, 0, "file", 7, "%d", 2); }
static void call_fputs(void) { fputs("fputs\n", stderr); }
static void call_putc(void) { putc('c', stderr), putc('\n', stderr); }
static void call_fprintf(void) { fprintf(stderr, "%s %d\n", "fprintf", 3); }
static void call_fwrite(void) { fwrite("fwrite\n", 1, 7, stderr); }
static void call_dprintf(void) { dprintf(2, "%s %d\n", "dprintf", 4); }

static void vcall(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    errno = EBADF;
    vwarn(format, arguments);
    va_end(arguments);
}
static void call_vwarn(void) { vcall("%d", 5); }

static const struct {
    const char *name;
    void (*call)(void);
} rows[] = {
    { "perror", call_perror }, { "psignal", call_psignal },
    { "warn", call_warn }, { "warnx", call_warnx }, { "vwarn", call_vwarn },
    { "error", call_error }, { "error_at_line", call_error_at_line },
    { "fputs", call_fputs }, { "putc", call_putc }, { "fprintf", call_fprintf },
    { "fwrite", call_fwrite }, { "dprintf", call_dprintf },
};

static void *make_call(void *call)
{
    ((void (*)(void))call)();
    return NULL;
}

static size_t fill(void)
{
    size_t total = 0;
    ssize_t count;
    CHECK(fcntl(2, F_SETFL, O_NONBLOCK) == 0);
    while ((count = write(2, filling, total < 65536 ? 4096 : 1)) > 0)
        total += (size_t)count;
    CHECK(fcntl(2, F_SETFL, 0) == 0);
    return total;
}

int main(void)
{
    char text[256];
    program_invocation_name = "program";
    program_invocation_short_name = "program";
    CHECK(pipe(ends) == 0 && dup2(ends[1], 2) == 2);
    others_run();
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t full = fill();
        pthread_t thread = start(make_call, (void *)rows[i].call);
        others_run();
        printf("%s: %s", rows[i].name, errno_name(pthread_tryjoin_np(thread, NULL)));
        CHECK(read_all(ends[0], filling, full) == full);
        join(thread);
        ssize_t count = read(ends[0], text, sizeof text - 1);
        CHECK(count > 0);
        /* putc may have written one by one. */
        while (text[count - 1] != '\n')
            text[count++] = take(ends[0]);
        printf(", %.*s", (int)count, text);
        fflush(stdout);
    }
    return 0;
}
