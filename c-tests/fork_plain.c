/* A child by _Fork, or by fork or clone as a direct system call, may make any call that is
 * async-signal-safe, those that wait among them: it reads, sleeps, writes to a file and syncs it,
 * and waits for a child of its own, while threads of the parent wait. A child that does not
 * end in two seconds is killed: _Fork(3), signal-safety(7).
 */
#include "lib/check.h"
#include <sys/syscall.h>

static int ends[2], file;

static pid_t by_fork_call(void) { return _Fork(); }
static pid_t by_number(void) { return (pid_t)syscall(SYS_fork); }
static pid_t by_clone(void) { return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); }

static const struct { const char *name; pid_t (*make)(void); } ways[] = {
    { "_Fork", by_fork_call }, { "SYS_fork", by_number }, { "SYS_clone", by_clone },
};

static void be_child(pid_t (*make)(void))
{
    const struct timespec moment = { 0, 1000000 };
    int own[2];
    char byte = 'x';
    pid_t child;
    if (pipe(own) != 0 || nanosleep(&moment, NULL) != 0 || (child = make()) == -1)
        _exit(1);
    if (child == 0) {
        nanosleep(&moment, NULL);
        _exit(write(own[1], &byte, 1) == 1 ? 4 : 2);
    }
    int status = 0;
    if (read(own[0], &byte, 1) != 1 || waitpid(child, &status, 0) != child)
        _exit(3);
    if (write(file, &byte, 1) != 1 || fsync(file) != 0)
        _exit(6);
    _exit(WEXITSTATUS(status) + 1);
}

/* Where the parent's threads could stop with the child, a signal ends it. */
static const char *end_of(pid_t child)
{
    const struct timespec moment = { 0, 2000000 };
    siginfo_t info = { 0 };
    for (int i = 0; i < 1000 && info.si_pid == 0; i++) {
        CHECK(waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0);
        nanosleep(&moment, NULL);
    }
    if (info.si_pid == 0)
        CHECK(kill(child, SIGKILL) == 0);
    return child_end(child);
}

static void *fork_all(void *name)
{
    for (size_t i = 0; i < COUNT(ways); i++) {
        pid_t child = ways[i].make();
        CHECK(child >= 0);
        if (child == 0)
            be_child(ways[i].make);
        printf("%s, %s: %s\n", (char *)name, ways[i].name, end_of(child));
    }
    return NULL;
}

static void *in_read(void *unused)
{
    CHECK(take(ends[0]) == 'x');
    return unused;
}

static void *write_and_sync(void *unused)
{
    CHECK(write(file, "x", 1) == 1 && fsync(file) == 0);
    return unused;
}

int main(void)
{
    CHECK(pipe(ends) == 0);
    /* A file that has been synced: the next writes may take their time, too. */
    file = temporary_file(0);
    join(start(write_and_sync, NULL));
    pthread_t reader = start(in_read, NULL);
    others_run();
    join(start(fork_all, "a thread"));
    fork_all("main");
    give(ends[1], 'x');
    join(reader);
    return 0;
}
