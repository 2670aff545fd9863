/* select(2) and pselect(2) change the sets when they succeed, a timeout included. When they
 * fail, because a handler interrupted them or a descriptor is bad, the sets are as they were:
 * programs call again with the same sets.
 */
#include "lib/check.h"
#include <sys/select.h>
#include <sys/time.h>

static int silent[2], full[2], closed;
static fd_set sets[3];
static volatile sig_atomic_t handled;

static void count(int signal)
{
    (void)signal;
    handled++;
}

/* Nothing of this ever gets ready. */
static void fill(int extra)
{
    for (int i = 0; i < 3; i++)
        FD_ZERO(&sets[i]);
    FD_SET(silent[0], &sets[0]);
    FD_SET(full[1], &sets[1]);
    FD_SET(silent[0], &sets[2]);
    if (extra >= 0)
        FD_SET(extra, &sets[0]);
}

static int has_all(void)
{
    return FD_ISSET(silent[0], &sets[0]) && FD_ISSET(full[1], &sets[1]) && FD_ISSET(silent[0], &sets[2]);
}

static int has_any(void)
{
    return FD_ISSET(silent[0], &sets[0]) || FD_ISSET(full[1], &sets[1]) || FD_ISSET(silent[0], &sets[2]);
}

static int by_select(long milliseconds)
{
    struct timeval time = { milliseconds / 1000, milliseconds % 1000 * 1000 };
    return select(closed + 1, &sets[0], &sets[1], &sets[2], milliseconds < 0 ? NULL : &time);
}

static int by_pselect(long milliseconds)
{
    struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };
    return pselect(closed + 1, &sets[0], &sets[1], &sets[2], milliseconds < 0 ? NULL : &time, NULL);
}

static int by_pselect_masked(long milliseconds)
{
    struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };
    sigset_t none;
    sigemptyset(&none);
    return pselect(closed + 1, &sets[0], &sets[1], &sets[2], milliseconds < 0 ? NULL : &time, &none);
}

static void show(const char *what, int (*call)(long), long milliseconds, int extra)
{
    fill(extra);
    errno = 0;
    int result = call(milliseconds);
    printf("  %s: %d %s, the sets %s\n", what, result, errno_name(errno),
           has_all() ? "as they were" : has_any() ? "changed" : "empty");
    fflush(stdout);
}

static void show_all(const char *name, int (*call)(long))
{
    struct sigaction action = { .sa_handler = count, .sa_flags = SA_RESTART };
    struct itimerval often = { { 0, 20000 }, { 0, 20000 } }, never = { { 0, 0 }, { 0, 0 } };
    printf("%s\n", name);
    show("no time", call, 0, -1);
    show("little time", call, 20, -1);
    show("no time, a bad descriptor", call, 0, closed);
    show("a bad descriptor", call, -1, closed);
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    show("a handler", call, -1, -1);
    show("a handler, with a limit", call, 20000, -1);
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    CHECK(handled > 0);
}

static void *nothing(void *unused)
{
    return unused;
}

int main(void)
{
    char bytes[4096] = { 0 };
    join(start(nothing, NULL));
    CHECK(pipe(silent) == 0 && pipe2(full, O_NONBLOCK) == 0);
    closed = dup(silent[0]);
    CHECK(closed > full[1] && close(closed) == 0);
    while (write(full[1], bytes, sizeof bytes) > 0)
        ;
    show_all("select", by_select);
    show_all("pselect", by_pselect);
    show_all("pselect with a mask", by_pselect_masked);
    return 0;
}
