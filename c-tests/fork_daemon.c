/* A program becomes a daemon and then starts threads; another has threads and makes a
 * daemon by a double fork, or by daemon() in a thread. The daemon is in a session of its
 * own, has / as directory and /dev/null as its standard streams, its threads wait for
 * descriptors, mutexes and time, and it ends with its exit handlers run; the first process
 * goes on, or has ended with status 0: daemon(3), setsid(2), fork(2).
 */
#include "lib/check.h"

static int report[2];

static void tell(const char *line)
{
    write_all(report[1], line, strlen(line));
}

static void at_exit(void) { tell("exit handler\n"); }

static void *doze(void *unused)
{
    const struct timespec moment = { 0, 1000000 };
    CHECK(nanosleep(&moment, NULL) == 0);
    return unused;
}

static void *leave(void *unused)
{
    tell("a thread exits\n");
    exit(0);
    return unused;
}

/* What a daemon is, told through the pipe. */
static void be_daemon(const char *name, int in_session)
{
    char line[200], directory[100], target[100] = "";
    pthread_t dozers[5];
    CHECK(readlink("/proc/self/fd/1", target, sizeof target - 1) > 0);
    CHECK(getcwd(directory, sizeof directory));
    CHECK(atexit(at_exit) == 0);
    for (size_t i = 0; i < COUNT(dozers); i++)
        dozers[i] = start(doze, NULL);
    others_run();
    for (size_t i = 0; i < COUNT(dozers); i++)
        join(dozers[i]);
    snprintf(line, sizeof line, "%s: directory %s, output %s, session %s\n", name, directory, target,
             (getsid(0) == getpid()) == in_session ? "as it should be" : "wrong");
    tell(line);
    join(start(leave, NULL));
}

static void *call_daemon(void *unused)
{
    CHECK(daemon(0, 0) == 0);
    be_daemon("daemon() in a thread", 1);
    return unused;
}

static void by_daemon(void)
{
    CHECK(daemon(0, 0) == 0);
    be_daemon("daemon()", 1);
}

static void after_threads(void)
{
    others_run();
    CHECK(daemon(0, 0) == 0);
    be_daemon("daemon() after threads", 1);
}

static void in_thread(void)
{
    join(start(call_daemon, NULL));
}

/* As in the books: the second child cannot get a terminal. */
static void *fork_twice(void *unused)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child > 0)
        _exit(0);
    others_run();
    CHECK(setsid() == getpid());
    child = fork();
    CHECK(child >= 0);
    if (child > 0)
        _exit(0);
    int null = open("/dev/null", O_RDWR);
    CHECK(null >= 0 && chdir("/") == 0);
    for (int fd = 0; fd < 3; fd++)
        CHECK(dup2(null, fd) == fd);
    be_daemon("a double fork in a thread", 0);
    return unused;
}

static void by_double_fork(void)
{
    join(start(fork_twice, NULL));
}

static char never[1];

static void *wait_for_ever(void *ends)
{
    CHECK(read(((int *)ends)[0], never, 1) == 1);
    return NULL;
}

static void with_others_waiting(void)
{
    static int ends[2];
    CHECK(pipe(ends) == 0);
    start(wait_for_ever, ends);
    others_run();
    in_thread();
}

static void (*const ways[])(void) = {
    by_daemon, after_threads, in_thread, by_double_fork, with_others_waiting,
};

int main(void)
{
    for (size_t i = 0; i < COUNT(ways); i++) {
        char text[500] = "";
        CHECK(pipe(report) == 0);
        fflush(stdout);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            close(report[0]);
            ways[i]();
            _exit(99);
        }
        CHECK(close(report[1]) == 0);
        printf("the first process: %s\n", child_end(child));
        /* The end of the pipe is the end of the daemon. */
        size_t size = read_all(report[0], text, sizeof text - 1);
        CHECK(size > 0 && close(report[0]) == 0);
        fputs(text, stdout);
        if (i == 1)
            others_run();
    }
    return 0;
}
