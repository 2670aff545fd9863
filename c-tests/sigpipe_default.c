/* SIGPIPE kills a process that writes to a pipe or socket nobody reads, by
 * whatever call and in whichever thread, unless MSG_NOSIGNAL is given, the
 * signal is blocked, or it is handled: signal(7), send(2).
 */
#include "lib/check.h"
#include <sys/uio.h>

static int fd;
static volatile sig_atomic_t caught;

static void handle(int number)
{
    caught = number;
}

static void *by_write(void *unused)
{
    CHECK(write(fd, "x", 1) == -1 && errno == EPIPE);
    return unused;
}

static void *by_writev(void *unused)
{
    struct iovec piece = { "x", 1 };
    CHECK(writev(fd, &piece, 1) == -1 && errno == EPIPE);
    return unused;
}

static void *by_send(void *unused)
{
    CHECK(send(fd, "x", 1, 0) == -1 && errno == EPIPE);
    return unused;
}

static void *by_send_nosignal(void *unused)
{
    CHECK(send(fd, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE);
    return unused;
}

static void *by_stdio(void *unused)
{
    FILE *file = fdopen(fd, "w");
    CHECK(fprintf(file, "x") == 1 && fflush(file) == EOF && errno == EPIPE);
    return unused;
}

static void *by_handler(void *unused)
{
    signal(SIGPIPE, handle);
    by_write(unused);
    CHECK(caught == SIGPIPE);
    return unused;
}

static void *while_blocked(void *unused)
{
    sigset_t set;
    int number;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    by_write(unused);
    CHECK(sigpending(&set) == 0 && sigismember(&set, SIGPIPE));
    CHECK(sigwait(&set, &number) == 0 && number == SIGPIPE);
    return unused;
}

static void run(const char *name, thread_body *body, int in_thread)
{
    fflush(stdout);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        int ends[2];
        signal(SIGPIPE, SIG_DFL);
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
        close(ends[0]);
        fd = ends[1];
        if (in_thread)
            join(start(body, NULL));
        else
            body(NULL);
        _exit(0);
    }
    const char *end = child_end(child);
    int survives = body == by_send_nosignal || body == by_handler
        || body == while_blocked;
    CHECK(strcmp(end, survives ? "exit 0" : "killed by SIGPIPE") == 0);
    printf("%s%s: %s\n", name, in_thread ? " in a thread" : "", end);
}

int main(void)
{
    for (int in_thread = 0; in_thread < 2; in_thread++) {
        run("write", by_write, in_thread);
        run("writev", by_writev, in_thread);
        run("send", by_send, in_thread);
        run("stdio", by_stdio, in_thread);
        run("MSG_NOSIGNAL", by_send_nosignal, in_thread);
        run("handler", by_handler, in_thread);
        run("blocked", while_blocked, in_thread);
    }
    return 0;
}
