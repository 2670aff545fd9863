/* herror(), psiginfo() and backtrace_symbols_fd() write to descriptor 2 by
 * system calls of libc's own: with a full pipe there they wait, and others run:
 * herror(3), psiginfo(3), backtrace(3).
 */
#include "lib/full_stderr.h"
#include <execinfo.h>
#include <netdb.h>

static void call_herror(void) { h_errno = HOST_NOT_FOUND, herror("herror"); }

static void call_psiginfo(void)
{
    siginfo_t info = { .si_signo = SIGUSR1, .si_code = SI_USER };
    psiginfo(&info, "psiginfo");
}

static void call_backtrace(void)
{
    void *frames[] = { (void *)puts };
    backtrace_symbols_fd(frames, 1, 2);
}

static const struct writer rows[] = {
    { "herror", call_herror }, { "psiginfo", call_psiginfo },
    { "backtrace_symbols_fd", call_backtrace },
};

int main(void)
{
    char text[TEXT];
    own_stderr();
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t count = message_of(&rows[i], text);
        CHECK(text[count - 1] == '\n');
        printf(", a line of %s\n", memmem(text, count, "puts", 4) ? "puts"
               : memmem(text, count, rows[i].name, 6) ? rows[i].name : "others");
        fflush(stdout);
    }
    return 0;
}
