/* A process is stopped and continued, without any handler, while one of its threads is
 * in a call that waits. The calls that signal(7) names fail with EINTR nevertheless, when
 * main makes them and when another thread does; all others go on. Follows signal(7),
 * "Interruption of system calls and library functions by stop signals"; waitpid(2).
 */
#include "../lib/reaper.h"
#include "../lib/signals.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sem.h>

enum { GOES_ON = 3, PATIENCE = 100 };

static int quiet[2], pair[2], full[2], life[2], set, watch, listener, messages;
static pid_t child;
static char bulk[65536];
static const struct timespec day = { 86400, 0 };
static const struct timeval long_time = { 86400, 0 };

static long in_epoll_wait(void) { struct epoll_event event; return epoll_wait(set, &event, 1, -1); }
static long in_timed_epoll(void) { struct epoll_event event; return epoll_wait(set, &event, 1, 86400000); }
static long in_epoll_pwait(void) { struct epoll_event event; return epoll_pwait(set, &event, 1, -1, NULL); }
static long in_semop(void) { return semop(object, &(struct sembuf){ .sem_op = -1 }, 1); }
static long in_semtimedop(void) { return semtimedop(object, &(struct sembuf){ .sem_op = -1 }, 1, &day); }
static long in_sigtimedwait(void) { sigset_t usr1 = set_of(SIGUSR1, 0); return sigtimedwait(&usr1, NULL, &day); }
static long in_sigwaitinfo(void) { sigset_t usr1 = set_of(SIGUSR1, 0); return sigwaitinfo(&usr1, NULL); }
static long in_recv(void) { return recv(pair[0], bulk, 1, 0); }
static long in_send(void) { return send(full[0], bulk, sizeof bulk, 0); }
static long in_accept(void) { return accept(listener, NULL, NULL); }
static long in_read(void) { return read(quiet[0], bulk, 1); }
static long in_poll(void) { return poll(&(struct pollfd){ quiet[0], POLLIN, 0 }, 1, -1); }
static long in_inotify(void) { return read(watch, bulk, 1000) > 0 ? 1 : -1; }
static long in_msgrcv(void) { return msgrcv(messages, bulk, 100, 0, 0); }
static long in_wait(void) { return waitpid(child, NULL, 0) > 0 ? 1 : -1; }

static long in_sigwait(void)
{
    sigset_t usr1 = set_of(SIGUSR1, 0);
    int number, error = sigwait(&usr1, &number);
    CHECK(error == 0 && number == SIGUSR1);
    return 1;
}

static long in_select(void)
{
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(quiet[0], &readable);
    return select(quiet[0] + 1, &readable, NULL, NULL, NULL);
}

static void limit_times(int fd)
{
    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &long_time, sizeof long_time) == 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &long_time, sizeof long_time) == 0);
}

static const struct row {
    const char *name;
    long (*call)(void);
    int fails;
} rows[] = {
    { "epoll_wait", in_epoll_wait, 1 }, { "epoll_wait, with a time-out", in_timed_epoll, 1 },
    { "epoll_pwait", in_epoll_pwait, 1 }, { "semop", in_semop, 1 }, { "semtimedop", in_semtimedop, 1 },
    { "sigtimedwait", in_sigtimedwait, 1 }, { "sigwaitinfo", in_sigwaitinfo, 1 },
    { "recv, SO_RCVTIMEO", in_recv, 1 }, { "send, SO_SNDTIMEO", in_send, 1 },
    { "accept, SO_RCVTIMEO", in_accept, 1 },
    { "sigwait", in_sigwait, 0 }, { "read", in_read, 0 }, { "poll", in_poll, 0 },
    { "select", in_select, 0 }, { "read of inotify", in_inotify, 0 }, { "msgrcv", in_msgrcv, 0 },
    { "waitpid", in_wait, 0 },
};

/* ---- the process that is stopped ------------------------------------------ */

static void *make_call(void *row)
{
    give(life[1], 'b');
    errno = 0;
    long result = ((const struct row *)row)->call();
    const char *error = errno_name(result == -1 ? errno : 0);
    write_all(life[1], error, strlen(error) + 1);
    return NULL;
}

static void *wait_here(void *unused)
{
    CHECK(take(life[1]) == 'e');
    return unused;
}

static void be_stopped(const struct row *row, int in_thread)
{
    CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
    change_mask(SIG_BLOCK, SIGUSR1), change_mask(SIG_BLOCK, SIGPIPE);
    pthread_t beside = start(wait_here, NULL);
    if (row->call == in_wait && (child = fork()) == 0) {
        CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
        _exit(read(quiet[0], bulk, 1) != 1);
    }
    if (in_thread)
        join(start(make_call, (void *)row));
    else
        make_call((void *)row);
    join(beside);
    _exit(0);
}

/* ---- its parent ------------------------------------------------------------ */

static void prepare(void)
{
    struct sockaddr_in address;
    char directory[] = "/tmp/check-XXXXXX";
    CHECK(pipe(quiet) == 0 && (set = epoll_create1(0)) >= 0 && (watch = inotify_init()) >= 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, life) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, full) == 0);
    while (send(full[0], bulk, sizeof bulk, MSG_DONTWAIT) > 0)
        ;
    listener = tcp_listener(&address);
    limit_times(pair[0]), limit_times(full[0]), limit_times(listener);
    CHECK(epoll_ctl(set, EPOLL_CTL_ADD, quiet[0], &(struct epoll_event){ .events = EPOLLIN }) == 0);
    CHECK(mkdtemp(directory) && inotify_add_watch(watch, directory, IN_DELETE_SELF) >= 0);
    strcpy(bulk, directory);
    CHECK((messages = msgget(IPC_PRIVATE, 0600)) >= 0 && semctl(object, 0, SETVAL, 0) == 0);
}

/* Lets every call of the table end. */
static void release(pid_t process)
{
    write_all(quiet[1], "x", 1);
    CHECK(rmdir(bulk) == 0 && msgctl(messages, IPC_RMID, NULL) == 0);
    CHECK(semctl(object, 0, SETVAL, 1) == 0 && kill(process, SIGUSR1) == 0);
    CHECK(shutdown(pair[1], SHUT_RDWR) == 0 && shutdown(full[1], SHUT_RDWR) == 0);
    shutdown(listener, SHUT_RDWR);
}

static int has_said(int milliseconds)
{
    struct pollfd said = { life[0], POLLIN, 0 };
    return poll(&said, 1, milliseconds) == 1;
}

static void stop_and_continue(pid_t process)
{
    int status;
    CHECK(kill(process, SIGSTOP) == 0);
    CHECK(waitpid(process, &status, WUNTRACED) == process && WIFSTOPPED(status));
    CHECK(kill(process, SIGCONT) == 0);
    CHECK(waitpid(process, &status, WCONTINUED) == process && WIFCONTINUED(status));
}

static void run(const struct row *row, int in_thread)
{
    char error[40];
    prepare();
    fflush(stdout);
    pid_t process = fork();
    CHECK(process >= 0);
    if (process == 0)
        be_stopped(row, in_thread);
    CHECK(take(life[0]) == 'b');
    /* A stop that comes before the call waits does nothing. */
    int rounds = row->fails ? PATIENCE : GOES_ON;
    for (int i = 0; i < rounds && !has_said(2); i++)
        stop_and_continue(process);
    int returned = has_said(2);
    if (!returned)
        release(process);
    CHECK(read_all(life[0], error, 1) == 1);
    for (size_t i = 0; error[i] != '\0';)
        CHECK(++i < sizeof error && read_all(life[0], error + i, 1) == 1);
    if (returned)
        release(process);
    give(life[0], 'e');
    printf(", %s", returned ? error : "goes on");
    CHECK(strcmp(child_end(process), "exit 0") == 0);
    close(quiet[0]), close(quiet[1]), close(set), close(watch), close(listener);
    for (int i = 0; i < 2; i++)
        close(life[i]), close(pair[i]), close(full[i]);
}

static void remove_semaphore(int id) { semctl(id, 0, IPC_RMID); }

int main(int argc, char **argv)
{
    CHECK((object = semget(IPC_PRIVATE, 1, 0600)) >= 0);
    remove_at_the_end(remove_semaphore);
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (argc > 1 && strcmp(argv[1], rows[i].name) != 0)
            continue;
        printf("%s", rows[i].name);
        run(&rows[i], 0);
        run(&rows[i], 1);
        puts("");
    }
    return 0;
}
