/* RLIMIT_SIGPENDING is 0: no signal may be queued. A plain kill(2) needs no queue, so its
 * handler runs and ends a call that waits, with EINTR: flock(2), fcntl(2) with
 * F_OFD_SETLKW, wait(2), the opening of a FIFO. getrlimit(2), signal(7).
 */
#include "../lib/refuse.h"
#include "../lib/locked.h"
#include <sys/file.h>

static char fifo[] = "/tmp/check-XXXXXX";
static int other, over, begun;
static volatile sig_atomic_t handled;

static void count(int number)
{
    handled += number == SIGUSR1;
}

static int by_flock(void) { return flock(other, LOCK_EX); }
static int by_fifo(void) { return open(fifo, O_RDONLY); }
static int by_wait(void) { return wait(NULL); }

static int by_record(void)
{
    struct flock whole = { .l_type = F_WRLCK };
    return fcntl(other, F_OFD_SETLKW, &whole);
}

static void *make_call(void *call)
{
    sigset_t set;
    CHECK(sigemptyset(&set) == 0 && sigaddset(&set, SIGUSR1) == 0);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
    __atomic_store_n(&begun, 1, __ATOMIC_SEQ_CST);
    int result = (*(int (**)(void))call)();
    printf("  %d %s\n", result, errno_name(errno));
    __atomic_store_n(&over, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

/* The signal may come before the call: it is sent again. */
static void interrupted(int (*call)(void))
{
    const struct timespec moment = { 0, 20000000 };
    const struct sigaction action = { .sa_handler = count };
    sigset_t set;
    CHECK(sigemptyset(&set) == 0 && sigaddset(&set, SIGUSR1) == 0);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0 && pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    limit(RLIMIT_SIGPENDING, 0);
    pthread_t caller = start(make_call, &call);
    while (!__atomic_load_n(&begun, __ATOMIC_SEQ_CST))
        nanosleep(&moment, NULL);
    while (nanosleep(&moment, NULL) == 0 && !__atomic_load_n(&over, __ATOMIC_SEQ_CST))
        CHECK(kill(getpid(), SIGUSR1) == 0);
    join(caller);
    CHECK(handled > 0);
}

static void the_flock(void) { CHECK(flock(file, LOCK_EX) == 0); interrupted(by_flock); }
static void the_fifo(void) { interrupted(by_fifo); }

static void the_record(void)
{
    struct flock whole = { .l_type = F_WRLCK };
    CHECK(fcntl(file, F_OFD_SETLK, &whole) == 0);
    interrupted(by_record);
}

static void the_child(void)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
        for (;;)
            pause();
    }
    interrupted(by_wait);
    CHECK(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child);
}

int main(void)
{
    file = temporary_file(0);
    other = description();
    CHECK(close(mkstemp(fifo)) == 0 && unlink(fifo) == 0 && mkfifo(fifo, 0600) == 0);
    alone("flock", the_flock);
    alone("fcntl", the_record);
    alone("a FIFO", the_fifo);
    alone("wait", the_child);
    CHECK(unlink(fifo) == 0);
    return 0;
}
