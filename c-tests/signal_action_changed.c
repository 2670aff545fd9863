/* Whether an interrupted call goes on is decided by the action the signal found,
 * not by what its handler makes of it: a handler without SA_RESTART that installs
 * another action, with it, has interrupted the read, and the other way about:
 * sigaction(2), signal(7).
 */
#include "lib/check.h"

#include <poll.h>

enum { PATIENCE = 200 };

static int ends[2], begun[2], ended[2];
static struct sigaction later;
static volatile sig_atomic_t handled;

static void install_other(int number)
{
    CHECK(sigaction(number, &later, NULL) == 0);
    handled++;
}

static void *read_byte(void *unused)
{
    char byte;
    give(begun[1], 'b');
    ssize_t count = read(ends[0], &byte, 1);
    int error = errno;
    struct pollfd late = { ends[0], POLLIN, 0 };
    give(ended[1], 'e');
    printf("read: %s", count == 1 ? "went on" : errno_name(error));
    if (count == -1)
        CHECK(poll(&late, 1, -1) == 1 && take(ends[0]) == 'x');
    return unused;
}

static int has_ended(void)
{
    struct pollfd bell = { ended[0], POLLIN, 0 };
    return poll(&bell, 1, 1) == 1;
}

/* A handler that runs before the read waits does nothing: it is sent again. */
static void run(const char *name, int flags, void (*then)(int), int then_flags)
{
    struct sigaction action = { .sa_handler = install_other, .sa_flags = flags };
    later = (struct sigaction){ .sa_handler = then, .sa_flags = then_flags };
    pthread_t thread = start(read_byte, NULL);
    CHECK(take(begun[0]) == 'b');
    for (int i = 0; i < (flags ? 5 : PATIENCE) && !has_ended(); i++) {
        others_run();
        handled = 0;
        CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
        CHECK(pthread_kill(thread, SIGUSR1) == 0);
        while (!handled)
            sched_yield();
    }
    give(ends[1], 'x');
    join(thread);
    CHECK(take(ended[0]) == 'e');
    printf(" (%s)\n", name);
}

int main(void)
{
    CHECK(pipe(ends) == 0 && pipe(begun) == 0 && pipe(ended) == 0);
    run("no SA_RESTART, then the same with it", 0, install_other, SA_RESTART);
    run("no SA_RESTART, then ignored with it", 0, SIG_IGN, SA_RESTART);
    run("SA_RESTART, then the same without", SA_RESTART, install_other, 0);
    run("SA_RESTART, then default", SA_RESTART, SIG_DFL, 0);
    return 0;
}
