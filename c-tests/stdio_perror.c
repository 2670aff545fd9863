/* Messages to a full pipe on descriptor 2 wait for room and come out whole,
 * while others run: perror(3), psignal(3), psiginfo(3), warn(3), error(3),
 * and on stderr putc, puts, vfprintf and write themselves.
 */
#include "lib/full_stderr.h"
#include <err.h>
#include <error.h>
#include <stdarg.h>

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

static const struct writer rows[] = {
    { "perror", call_perror }, { "psignal", call_psignal },
    { "warn", call_warn }, { "warnx", call_warnx }, { "vwarn", call_vwarn },
    { "error", call_error }, { "error_at_line", call_error_at_line },
    { "fputs", call_fputs }, { "putc", call_putc }, { "fprintf", call_fprintf },
    { "fwrite", call_fwrite }, { "dprintf", call_dprintf },
};

int main(void)
{
    char text[TEXT];
    program_invocation_name = "program";
    program_invocation_short_name = "program";
    own_stderr();
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t count = message_of(&rows[i], text);
        /* putc may have written one by one. */
        while (text[count - 1] != '\n')
            text[count++] = take(ends[0]);
        printf(", %.*s", (int)count, text);
        fflush(stdout);
    }
    return 0;
}
