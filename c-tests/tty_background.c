/* A thread of a background process reads from the controlling terminal, which
 * stops the process by SIGTTIN until it is in the foreground. With SIGTTIN
 * ignored or blocked the read fails with EIO, with a handler with EINTR, and
 * none of them waits for input: termios(3), setpgid(2).
 */
#include "lib/session.h"

static volatile sig_atomic_t handled;

static void handle(int number)
{
    (void)number;
    handled = 1;
}

static void *read_line(void *set)
{
    char line[20];
    CHECK(pthread_sigmask(SIG_UNBLOCK, set, NULL) == 0);
    ssize_t size = read(slave, line, sizeof line);
    printf("read: %zd %s\n", size, errno_name(size == -1 ? errno : 0));
    return NULL;
}

/* A process in a group of its own reads in a thread. */
static pid_t job(void (*handler)(int), int blocked)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child > 0)
        return child;
    sigset_t set, none;
    struct sigaction action = { .sa_handler = handler };
    CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && setpgid(0, 0) == 0);
    CHECK(sigaction(SIGTTIN, &action, NULL) == 0);
    CHECK(sigemptyset(&set) == 0 && sigaddset(&set, SIGTTIN) == 0 && sigemptyset(&none) == 0);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    join(start(read_line, blocked ? &none : &set));
    if (handler == handle)
        printf("handled: %d\n", (int)handled);
    CHECK(fflush(stdout) == 0);
    _exit(0);
}

static void lead(void)
{
    printf("ignored: %s\n", child_end(job(SIG_IGN, 0)));
    printf("blocked: %s\n", child_end(job(SIG_DFL, 1)));
    printf("with a handler: %s\n", child_end(job(handle, 0)));

    pid_t child = job(SIG_DFL, 0);
    fetch_stopped(child);
    write_all(master, "line\n", 5);
    printf("in the foreground: %s\n", child_end(child));
}

int main(void)
{
    return have_led("the leader", lead);
}
