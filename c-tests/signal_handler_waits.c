/* A handler that lets other threads run, wherever it interrupts a call that waits: what comes for the call meanwhile is
 * not lost. Two threads pass bytes to and fro through pipes, sockets and poll, and another process sends one signal after
 * the other, only when it is asked for the next: a second one would free a thread that missed its byte: signal(7),
 * signal-safety(7), pipe(7), poll(2). */
#include "lib/check.h"
#include <poll.h>
#include <sys/socket.h>

enum { SIGNALS = 400 };
static volatile sig_atomic_t handled;
static int there[2], back[2], sockets[2], wanted[2];

static void on_signal(int number)
{
    int saved = errno;
    (void)number;
    handled++;
    poll(NULL, 0, 1);
    errno = saved;
}

static void pass(int fd, int way)
{
    char byte = 'x';
    CHECK(way ? write(fd, &byte, 1) == 1 : read(fd, &byte, 1) == 1);
}

static void await(int fd)
{
    struct pollfd one = { .fd = fd, .events = POLLIN };
    int n;
    do
        n = poll(&one, 1, -1);
    while (n < 0 && errno == EINTR);
    CHECK(n == 1);
}

static void *answer(void *unused)
{
    char byte;
    while (read(there[0], &byte, 1) == 1) {
        pass(back[1], 1);
        pass(sockets[1], 0);
        pass(sockets[1], 1);
    }
    return unused;
}

/* One signal for each byte. */
static pid_t start_sender(pid_t parent)
{
    char byte;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid != 0)
        return pid;
    close(wanted[1]);
    while (read(wanted[0], &byte, 1) == 1)
        kill(parent, SIGUSR1);
    _exit(0);
}

int main(void)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(pipe(wanted) == 0);
    pid_t sender = start_sender(getpid());
    CHECK(pipe(there) == 0 && pipe(back) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
    pthread_t thread = start(answer, NULL);
    for (int i = 0; i < SIGNALS; i++) {
        int before = handled;
        pass(wanted[1], 1);
        while (handled == before) {
            pass(there[1], 1);
            if (i % 2)
                await(back[0]);
            pass(back[0], 0);
            pass(sockets[0], 1);
            if (i % 2)
                await(sockets[0]);
            pass(sockets[0], 0);
        }
    }
    CHECK(close(wanted[1]) == 0 && waitpid(sender, NULL, 0) == sender);
    CHECK(close(there[1]) == 0);
    join(thread);
    printf("%d signals\n", handled);
    return 0;
}
