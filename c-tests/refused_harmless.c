/* A filter answers EPERM or ENOSYS to calls that programs, libc or a library may use to
 * be better off, none of which a thread needs to run, to wait or to be woken: they run,
 * wait and are woken as ever. seccomp(2), pthreads(7), and the page of each call.
 *
 * test: env=GREEN_TRAP=0
 */
#include "lib/refuse.h"
#include <netdb.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/file.h>

static const struct { const char *name; int call; } calls[] = {
    { "epoll_pwait2", 441 }, { "openat2", 437 }, { "mincore", SYS_mincore }, { "membarrier", SYS_membarrier },
    { "getrandom", SYS_getrandom }, { "futex_waitv", 449 }, { "sched_getaffinity", SYS_sched_getaffinity },
    { "sigaltstack", SYS_sigaltstack }, { "io_uring_setup", 425 }, { "fstatfs", SYS_fstatfs },
    { "timerfd_create", SYS_timerfd_create }, { "prlimit64", SYS_prlimit64 },
    { "set_robust_list", SYS_set_robust_list },
    { "process_vm_readv", SYS_process_vm_readv }, { "prctl", SYS_prctl },
};

static int which;
static int ends[2];

static void *in_a_pipe(void *unused)
{
    CHECK(take(ends[0]) == 'x');
    return unused;
}

static void *in_poll(void *unused)
{
    struct pollfd entry = { ends[0], POLLIN, 0 };
    CHECK(poll(&entry, 1, -1) == 1 && take(ends[0]) == 'x');
    return unused;
}

static void *in_a_set(void *unused)
{
    struct epoll_event event = { .events = EPOLLIN };
    int set = epoll_create1(0);
    CHECK(set >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event) == 0);
    CHECK(epoll_wait(set, &event, 1, -1) == 1 && take(ends[0]) == 'x' && close(set) == 0);
    return unused;
}

static void a_file(void)
{
    char path[] = "/tmp/check-XXXXXX", text[8];
    struct stat status;
    int made = mkstemp(path);
    CHECK(made >= 0 && write(made, "hello", 5) == 5 && fsync(made) == 0 && flock(made, LOCK_EX) == 0);
    FILE *stream = fopen(path, "r");
    CHECK(stream && fgets(text, sizeof text, stream) && strcmp(text, "hello") == 0 && fclose(stream) == 0);
    CHECK(stat(path, &status) == 0 && status.st_size == 5 && unlink(path) == 0 && close(made) == 0);
    CHECK(stat(path, &status) == -1 && errno == ENOENT);
}

static void a_name(void)
{
    struct addrinfo *found, wanted = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
    CHECK(getaddrinfo("127.0.0.1", "80", &wanted, &found) == 0);
    freeaddrinfo(found);
}

static void *sleep_long(void *unused)
{
    sleep(1000);
    return unused;
}

static void a_cancellation(void)
{
    pthread_t sleeper = start(sleep_long, NULL);
    CHECK(pthread_cancel(sleeper) == 0 && join(sleeper) == PTHREAD_CANCELED);
}

static void a_child(void)
{
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        others_run();
        _exit(3);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 3);
}

static void everything(void)
{
    thread_body *const bodies[] = { in_a_pipe, in_poll, in_a_set };
    CHECK(pipe(ends) == 0);
    for (size_t i = 0; i < COUNT(bodies); i++) {
        pthread_t waiter = start(bodies[i], NULL);
        others_run();
        give(ends[1], 'x');
        join(waiter);
    }
    a_file();
    a_name();
    a_cancellation();
    a_child();
}

static void before(void) { refuse(calls[which].call, EPERM), everything(); }
static void after(void) { others_run(), refuse(calls[which].call, ENOSYS), everything(); }

int main(void)
{
    for (which = 0; which < (int)COUNT(calls); which++) {
        printf("%s\n", calls[which].name);
        alone("  EPERM", before);
        alone("  ENOSYS after the first thread", after);
    }
    return 0;
}
