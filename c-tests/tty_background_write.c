/* With TOSTOP a thread of a background process that writes to the controlling
 * terminal stops the process by SIGTTOU until it is in the foreground; where the
 * signal is ignored it writes: termios(3), setpgid(2).
 */
#include "lib/session.h"

static void *write_line(void *unused)
{
    ssize_t size = write(slave, "line", 4);
    printf("write: %zd %s\n", size, errno_name(size == -1 ? errno : 0));
    return unused;
}

/* A process in a group of its own writes in a thread. */
static pid_t job(void (*handler)(int))
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child > 0)
        return child;
    CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && setpgid(0, 0) == 0);
    CHECK(signal(SIGTTOU, handler) != SIG_ERR);
    join(start(write_line, NULL));
    CHECK(fflush(stdout) == 0);
    _exit(0);
}

static void lead(void)
{
    struct termios mode;
    CHECK(tcgetattr(slave, &mode) == 0);
    printf("without TOSTOP: %s\n", child_end(job(SIG_DFL)));
    mode.c_lflag |= TOSTOP;
    CHECK(tcsetattr(slave, TCSANOW, &mode) == 0);
    printf("ignored: %s\n", child_end(job(SIG_IGN)));

    pid_t child = job(SIG_DFL);
    fetch_stopped(child);
    printf("in the foreground: %s\n", child_end(child));
}

int main(void)
{
    return have_led("the leader", lead);
}
