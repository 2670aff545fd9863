/* herror(), psiginfo() and backtrace_symbols_fd() write to descriptor 2 by
 * system calls of libc's own: with a full pipe there they wait, and others run:
 * herror(3), psiginfo(3), backtrace(3).
 */
#include "lib/check.h"
#include <execinfo.h>
#include <netdb.h>

static int ends[2];
static char filling[1 << 20];

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

static const struct {
    const char *name;
    void (*call)(void);
} rows[] = {
    { "herror", call_herror }, { "psiginfo", call_psiginfo },
    { "backtrace_symbols_fd", call_backtrace },
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
    CHECK(pipe(ends) == 0 && dup2(ends[1], 2) == 2);
    others_run();
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t full = fill();
        pthread_t thread = start(make_call, (void *)rows[i].call);
        others_run();
        printf("%s: %s", rows[i].name, errno_name(pthread_tryjoin_np(thread, NULL)));
        CHECK(read_all(ends[0], filling, full) == full);
        join(thread);
        ssize_t count = read(ends[0], text, sizeof text);
        CHECK(count > 0 && text[count - 1] == '\n');
        printf(", a line of %s\n", memmem(text, (size_t)count, "puts", 4) ? "puts"
               : memmem(text, (size_t)count, rows[i].name, 6) ? rows[i].name : "others");
        fflush(stdout);
    }
    return 0;
}
