/* Waits on the kernel's other descriptors stop the calling thread alone, are
 * interrupted and are cancellation points: inotify(7), pidfd_open(2), waitid(2),
 * signalfd(2), eventfd(2), timerfd_create(2).
 */
#include "lib/beside.h"
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include "lib/waits.h"

static int file, changes, signals, semaphore, timer, child_fd = -1, life[2];
static pid_t child;

static void nothing(void *unused) { (void)unused; }

static void a_child(void *unused)
{
    (void)unused;
    if (child_fd >= 0)
        return;
    CHECK(pipe(life) == 0 && (child = fork()) >= 0);
    if (child == 0) {
        CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
        _exit(take(life[0]) - '0');
    }
    CHECK((child_fd = pidfd_open(child, 0)) >= 0);
}

static void child_ends(void *unused) { (void)unused; give(life[1], '5'); }
static void send_signal(void *unused) { (void)unused; CHECK(kill(getpid(), SIGUSR2) == 0); }
static void post(void *unused) { (void)unused; CHECK(eventfd_write(semaphore, 1) == 0); }

static void disarmed(void *unused)
{
    (void)unused;
    CHECK(timerfd_settime(timer, 0, &(struct itimerspec){ 0 }, NULL) == 0);
}

/* Absolute and long past: expires at once. */
static void expire(void *unused)
{
    (void)unused;
    CHECK(timerfd_settime(timer, TFD_TIMER_ABSTIME,
                          &(struct itimerspec){ .it_value = { 0, 1 } }, NULL) == 0);
}

static void change_file(void *unused) { (void)unused; CHECK(write(file, "x", 1) == 1); }

static long read_change(void)
{
    struct inotify_event event;
    ssize_t size = read(changes, &event, sizeof event);
    CHECK(size == -1 || (size == sizeof event && event.mask == IN_MODIFY));
    return size;
}

static long poll_child(void)
{
    int result = poll(&(struct pollfd){ child_fd, POLLIN, 0 }, 1, -1);
    if (result == -1)
        return -1;
    siginfo_t info;
    CHECK(result == 1 && waitid(P_PIDFD, (id_t)child_fd, &info, WEXITED | WNOHANG) == 0);
    CHECK(info.si_pid == child && close(child_fd) == 0);
    child_fd = -1;
    return info.si_status;
}

static long wait_for_child(void)
{
    siginfo_t info;
    if (waitid(P_PIDFD, (id_t)child_fd, &info, WEXITED) == -1)
        return -1;
    CHECK(info.si_pid == child && close(child_fd) == 0);
    child_fd = -1;
    return info.si_status;
}

static long read_signal(void)
{
    struct signalfd_siginfo info;
    ssize_t size = read(signals, &info, sizeof info);
    CHECK(size == -1 || (size == sizeof info && info.ssi_signo == SIGUSR2));
    return size;
}

static long take_one(void)
{
    eventfd_t value;
    return eventfd_read(semaphore, &value) == -1 ? -1 : (long)value;
}

static long read_timer(void)
{
    uint64_t count;
    return read(timer, &count, sizeof count) == -1 ? -1 : (long)count;
}

static struct wait waits[] = {
    { "inotify", nothing, read_change, is_entered, change_file, 1, 1 },
    { "poll of a pidfd", a_child, poll_child, is_entered, child_ends, 0, 1 },
    { "waitid of a pidfd", a_child, wait_for_child, is_entered, child_ends, 1, 1 },
    { "signalfd", nothing, read_signal, is_entered, send_signal, 1, 1 },
    { "eventfd, semaphore", nothing, take_one, is_entered, post, 1, 1 },
    { "timerfd", disarmed, read_timer, is_entered, expire, 1, 1 },
};

int main(void)
{
    sigset_t set;
    siginfo_t info;
    CHECK(sigemptyset(&set) == 0 && sigaddset(&set, SIGUSR2) == 0);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    CHECK((signals = signalfd(-1, &set, 0)) >= 0 && (semaphore = eventfd(0, EFD_SEMAPHORE)) >= 0);
    CHECK((timer = timerfd_create(CLOCK_MONOTONIC, 0)) >= 0 && (changes = inotify_init1(0)) >= 0);
    char path[40];
    file = temporary_file(0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    CHECK(inotify_add_watch(changes, path, IN_MODIFY) >= 0);

    in_four_ways(waits, COUNT(waits));

    a_child(NULL);
    CHECK(waitid(P_PIDFD, (id_t)child_fd, &info, WEXITED | WNOHANG) == 0);
    child_ends(NULL);
    printf("the child that nobody got: %ld\n", wait_for_child());
    FAILS(EBADF, waitid(P_PIDFD, 987, &info, WEXITED));
    return 0;
}
