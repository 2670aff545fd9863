/* pidfd_open(2) is refused (a filter, a kernel before 5.3), or there is no descriptor
 * left: waitpid(2), wait4(2) and waitid(2), none of which makes a descriptor, wait for
 * the child all the same, and others run meanwhile. Their errors are ECHILD, EINTR and
 * EINVAL only: wait(2).
 */
#include "lib/exchange.h"
#include "lib/refuse.h"

static sem_t begun;
static int gate[2];

/* It ends when it is told to. */
static pid_t child_of(int status)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        char byte;
        _exit(read(gate[0], &byte, 1) == 1 ? status : 99);
    }
    return child;
}

static void *by_waitpid(void *child)
{
    int status;
    CHECK(sem_post(&begun) == 0);
    pid_t found = waitpid(*(pid_t *)child, &status, 0);
    printf("  waitpid: %s, exit %d\n", errno_name(found == -1 ? errno : 0), found == -1 ? -1 : WEXITSTATUS(status));
    return child;
}

static void *by_waitid(void *child)
{
    siginfo_t info = { .si_status = -1 };
    CHECK(sem_post(&begun) == 0);
    int result = waitid(P_PID, (id_t)*(pid_t *)child, &info, WEXITED);
    printf("  waitid: %s, exit %d\n", errno_name(result == -1 ? errno : 0), info.si_status);
    return child;
}

static void each_way(void)
{
    thread_body *const ways[] = { by_waitpid, by_waitid };
    for (int i = 0; i < 2; i++) {
        pid_t child = child_of(7 + i);
        pthread_t waiter = start(ways[i], &child);
        CHECK(sem_wait(&begun) == 0);
        exchange();
        give(gate[1], 'x');
        join(waiter);
    }
}

static void refused(int error)
{
    refuse(SYS_pidfd_open, error);
    CHECK(syscall(SYS_pidfd_open, getpid(), 0) == -1 && errno == error);
    each_way();
}

static void enosys(void) { refused(ENOSYS); }
static void eperm(void) { refused(EPERM); }

static void emfile(void)
{
    exchange();
    limit(RLIMIT_NOFILE, 64);
    use_up_descriptors();
    each_way();
}

int main(void)
{
    CHECK(sem_init(&begun, 0, 0) == 0 && pipe(gate) == 0);
    alone("ENOSYS", enosys);
    alone("EPERM", eperm);
    alone("no descriptor left", emfile);
    return 0;
}
