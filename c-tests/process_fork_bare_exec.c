/* A handler may make a child by _Fork() and have it become another program, whatever the threads are doing:
 * both are async-signal-safe. Here another thread creates threads all the time, so locks of libc and of the
 * dynamic linker are held when the signal comes; in the child nobody will ever let them go. Each child looks at
 * a file, opens it, and executes true(1). Follows _Fork(3), execve(2), alarm(2), signal-safety(7).
 */
#include "lib/check.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

enum { CHILDREN = 200 };

extern char **environ;
static volatile sig_atomic_t children;

static void become_another(void)
{
    static char *const arguments[] = { (char *)"true", NULL };
    struct stat about;
    int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &about) || stat("/etc", &about) || !S_ISDIR(about.st_mode))
        _exit(2);
    execve("/bin/true", arguments, environ);
    _exit(3);
}

static void make_child(int number)
{
    int error = errno, status;
    (void)number;
    pid_t child = _Fork();
    CHECK(child >= 0);
    if (child == 0)
        become_another();
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    /* One that takes longer than the interval is followed at once by the next. */
    if (++children >= CHILDREN)
        alarm(0);
    errno = error;
}

static void *answer(void *unused)
{
    return unused;
}

static void *create(void *unused)
{
    while (children < CHILDREN)
        join(start(answer, NULL));
    return unused;
}

int main(void)
{
    struct sigaction action = { .sa_handler = make_child, .sa_flags = SA_RESTART };
    struct itimerval often = { { 0, 2000 }, { 0, 2000 } };
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    pthread_t creator = start(create, NULL);
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    join(creator);
    puts("every child became another program");
    return 0;
}
