/* The calls that no flag of a handler's restarts never fail with EINTR in a program that sends no signals, and
 * never end before their time, while two threads compute and are switched out every millisecond: those of
 * signal(7), "Interruption of system calls", and those that work for long in the kernel and look for signals
 * there. pause and sigsuspend end when at last there is a signal, and not before. preempt_no_eintr.c has
 * read, recv, sem_wait, poll and nanosleep. Follows signal(7), fallocate(2), copy_file_range(2), sendfile(2),
 * splice(2).
 *
 *     preempt_no_eintr_more [CALL]
 *
 * test: slow
 * test: timeout=40
 * test: env=GREEN_SLICE_MS=1
 */
#include "lib/computing.h"
#include "lib/deadline.h"
#include "lib/signals.h"
#include <linux/futex.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>

enum { RUN_MS = 300, WAIT_MS = 3, MUCH = 32 << 20 };

static const struct timespec short_time = { 0, WAIT_MS * 1000000 };
static volatile int stop;
static int quiet[2];

static int timed_out(long result, int error)
{
    return result == -1 && errno == error;
}

/* ---- descriptors ---------------------------------------------------------------- */

static int set, pair[2], full[2];
static struct sockaddr_in address;
static int listener;
static struct unix_address crowded;

static void limit_times(int fd)
{
    const struct timeval limit = { 0, WAIT_MS * 1000 };
    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0);
}

static void prepare_descriptors(void)
{
    static const char filling[4096];
    struct epoll_event event = { .events = EPOLLIN };
    CHECK(pipe(quiet) == 0 && (set = epoll_create1(0)) >= 0);
    CHECK(epoll_ctl(set, EPOLL_CTL_ADD, quiet[0], &event) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, full) == 0);
    while (send(full[0], filling, sizeof filling, MSG_DONTWAIT) > 0)
        ;
    limit_times(pair[0]), limit_times(full[0]);
    limit_times(listener = tcp_listener(&address));
    CHECK(unix_listener(&crowded, 0) >= 0);
    unix_connect(&crowded);             /* one fills a queue of none */
}

static int do_select(void)
{
    struct timeval time = { 0, WAIT_MS * 1000 };
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(quiet[0], &readable);
    return select(quiet[0] + 1, &readable, NULL, NULL, &time) == 0;
}

static int do_pselect(void)
{
    return pselect(0, NULL, NULL, NULL, &short_time, NULL) == 0;
}

static int do_ppoll(void)
{
    struct pollfd input = { quiet[0], POLLIN, 0 };
    return ppoll(&input, 1, &short_time, NULL) == 0;
}

static int do_epoll_wait(void)
{
    struct epoll_event event;
    return epoll_wait(set, &event, 1, WAIT_MS) == 0;
}

static int do_epoll_pwait(void)
{
    struct epoll_event event;
    return epoll_pwait(set, &event, 1, WAIT_MS, NULL) == 0;
}

static int do_recv(void)
{
    char byte;
    return timed_out(recv(pair[0], &byte, 1, 0), EAGAIN);
}

static int do_send(void) { return timed_out(send(full[0], "x", 1, 0), EAGAIN); }
static int do_accept(void) { return timed_out(accept(listener, NULL, NULL), EAGAIN); }

static int do_connect(void)
{
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    limit_times(client);
    int right = timed_out(connect(client, (struct sockaddr *)&crowded.name, crowded.length), EAGAIN);
    CHECK(close(client) == 0);
    return right;
}

/* ---- messages, semaphores, signals, events -------------------------------------- */

static int messages, filled, semaphores, watch, word;
static char watched[] = "/tmp/check-XXXXXX";
static int watched_file;
static struct { long type; char text[512]; } message = { .type = 1 };

static void prepare_queues(void)
{
    CHECK((messages = msgget(IPC_PRIVATE, 0600)) >= 0 && (filled = msgget(IPC_PRIVATE, 0600)) >= 0);
    while (msgsnd(filled, &message, sizeof message.text, IPC_NOWAIT) == 0)
        ;
    CHECK((semaphores = semget(IPC_PRIVATE, 2, 0600)) >= 0);
    CHECK((watched_file = mkstemp(watched)) >= 0 && (watch = inotify_init1(0)) >= 0);
    CHECK(inotify_add_watch(watch, watched, IN_MODIFY) >= 0);
}

static void remove_queues(void)
{
    CHECK(msgctl(messages, IPC_RMID, NULL) == 0 && msgctl(filled, IPC_RMID, NULL) == 0);
    CHECK(semctl(semaphores, 0, IPC_RMID) == 0 && unlink(watched) == 0);
}

static int do_msgrcv(void)
{
    struct { long type; char text[8]; } taken;
    return msgrcv(messages, &taken, sizeof taken.text, 0, 0) == 1;
}

static void send_message(void) { CHECK(msgsnd(messages, &message, 1, IPC_NOWAIT) == 0); }
static int do_msgsnd(void) { return msgsnd(filled, &message, sizeof message.text, 0) == 0; }

static void take_message(void)
{
    struct { long type; char text[sizeof message.text]; } taken;
    CHECK(msgrcv(filled, &taken, sizeof taken.text, 0, IPC_NOWAIT) == sizeof taken.text);
}

static int do_semop(void) { return semop(semaphores, &(struct sembuf){ 0, -1, 0 }, 1) == 0; }
static void raise_semaphore(void) { CHECK(semop(semaphores, &(struct sembuf){ 0, 1, 0 }, 1) == 0); }

static int do_semtimedop(void)
{
    return timed_out(semtimedop(semaphores, &(struct sembuf){ 1, -1, 0 }, 1, &short_time), EAGAIN);
}

static int do_sigtimedwait(void)
{
    sigset_t awaited = set_of(SIGUSR2, 0);
    return timed_out(sigtimedwait(&awaited, NULL, &short_time), EAGAIN);
}

static int do_clock_nanosleep(void)
{
    struct timespec wake = time_in(CLOCK_MONOTONIC, WAIT_MS);
    return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake, NULL) == 0 && reached(CLOCK_MONOTONIC, wake);
}

static int do_usleep(void) { return usleep(WAIT_MS * 1000) == 0; }

static int do_sem_timedwait(void)
{
    static sem_t nothing;
    struct timespec limit = time_in(CLOCK_REALTIME, WAIT_MS);
    return timed_out(sem_timedwait(&nothing, &limit), ETIMEDOUT);
}

static int do_futex(void)
{
    return timed_out(syscall(SYS_futex, &word, FUTEX_WAIT, 0, &short_time, NULL, 0), ETIMEDOUT);
}

static int do_inotify(void)
{
    struct inotify_event event;
    return read(watch, &event, sizeof event) == sizeof event && event.mask == IN_MODIFY;
}

static void modify_watched(void) { give(watched_file, 'x'); }

/* ---- long work in the kernel: a nap after it, for EINTR is the question here ------------ */

static int source, target, allocated, destination, spliced[2], sink;

static void prepare_files(void)
{
    CHECK((source = memfd_create("source", 0)) >= 0 && (target = memfd_create("target", 0)) >= 0);
    CHECK((allocated = memfd_create("allocated", 0)) >= 0);
    CHECK((destination = memfd_create("destination", 0)) >= 0);
    CHECK(ftruncate(source, MUCH) == 0 && pipe(spliced) == 0 && (sink = temporary_file(0)) >= 0);
}

static int do_fallocate(void)
{
    int done = fallocate(allocated, 0, 0, MUCH) == 0;
    nap(1);
    return done && ftruncate(allocated, 0) == 0;
}

static int do_copy_file_range(void)
{
    loff_t from = 0, to = 0;
    ssize_t copied;
    do
        copied = copy_file_range(source, &from, target, &to, (size_t)(MUCH - from), 0);
    while (copied > 0 && from < MUCH);
    nap(1);
    return copied > 0 && to == MUCH;
}

static int do_sendfile(void)
{
    off_t from = 0;
    CHECK(lseek(destination, 0, SEEK_SET) == 0);
    ssize_t sent = sendfile(destination, source, &from, MUCH);
    nap(1);
    return sent == MUCH;
}

static int do_splice(void) { return splice(spliced[0], NULL, sink, NULL, 1, 0) == 1; }
static void feed_pipe(void) { give(spliced[1], 'x'); }

/* ---- until there is a signal ---------------------------------------------------------- */

static __thread volatile sig_atomic_t handled;

static void note_signal(int number)
{
    CHECK(number == SIGUSR1);
    handled = 1;
}

static int do_pause(void) { return timed_out(pause(), EINTR) && handled; }

static int do_sigsuspend(void)
{
    sigset_t mask = set_of(SIGUSR2, 0);
    return timed_out(sigsuspend(&mask), EINTR) && handled;
}

/* ---- all of them ------------------------------------------------------------------------ */

static struct row {
    const char *name;
    int (*call)(void);          /* did it do what it should? */
    void (*feed)(void);         /* lets it go on, once */
    int ends_by_signal;
    volatile int count;
    pthread_t thread;
} rows[] = {
    { .name = "select", .call = do_select },
    { .name = "pselect", .call = do_pselect },
    { .name = "ppoll", .call = do_ppoll },
    { .name = "epoll_wait", .call = do_epoll_wait },
    { .name = "epoll_pwait", .call = do_epoll_pwait },
    { .name = "recv, SO_RCVTIMEO", .call = do_recv },
    { .name = "send, SO_SNDTIMEO", .call = do_send },
    { .name = "accept, SO_RCVTIMEO", .call = do_accept },
    { .name = "connect, SO_SNDTIMEO", .call = do_connect },
    { .name = "msgrcv", .call = do_msgrcv, .feed = send_message },
    { .name = "msgsnd", .call = do_msgsnd, .feed = take_message },
    { .name = "semop", .call = do_semop, .feed = raise_semaphore },
    { .name = "semtimedop", .call = do_semtimedop },
    { .name = "sigtimedwait", .call = do_sigtimedwait },
    { .name = "clock_nanosleep", .call = do_clock_nanosleep },
    { .name = "usleep", .call = do_usleep },
    { .name = "sem_timedwait", .call = do_sem_timedwait },
    { .name = "futex with a time", .call = do_futex },
    { .name = "read inotify", .call = do_inotify, .feed = modify_watched },
    { .name = "fallocate", .call = do_fallocate },
    { .name = "copy_file_range", .call = do_copy_file_range },
    { .name = "sendfile", .call = do_sendfile },
    { .name = "splice", .call = do_splice, .feed = feed_pipe },
    { .name = "pause", .call = do_pause, .ends_by_signal = 1 },
    { .name = "sigsuspend", .call = do_sigsuspend, .ends_by_signal = 1 },
};

static void *use(void *argument)
{
    struct row *row = argument;
    do {
        errno = 0;
        if (!row->call())
            check_failed(__FILE__, __LINE__, row->name);
        row->count++;
    } while (!stop && !row->ends_by_signal);
    return NULL;
}

static int all_above_one(const char *only)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if ((!only || strcmp(only, rows[i].name) == 0) && !rows[i].ends_by_signal && rows[i].count <= 1)
            return 0;
    return 1;
}

static void feed_all(const char *only)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        if ((!only || strcmp(only, rows[i].name) == 0) && rows[i].feed)
            rows[i].feed();
}

static void end(struct row *row)
{
    if (row->ends_by_signal) {
        CHECK(row->count == 0);
        while (pthread_kill(row->thread, SIGUSR1) == 0 && row->count == 0)
            nap(1);
    }
    join(row->thread);
    printf("%s: never interrupted\n", row->name);
}

int main(int argc, char **argv)
{
    const char *only = argc > 1 ? argv[1] : NULL;
    struct sigaction action = { .sa_handler = note_signal };
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    change_mask(SIG_BLOCK, SIGUSR2);
    prepare_descriptors(), prepare_queues(), prepare_files();
    for (size_t i = 0; i < COUNT(rows); i++)
        if (!only || strcmp(only, rows[i].name) == 0)
            rows[i].thread = start(use, &rows[i]);
    begin_computing(2);
    double until = seconds(CLOCK_MONOTONIC) + RUN_MS / 1e3;
    do {
        nap(5);
        feed_all(only);
    } while (seconds(CLOCK_MONOTONIC) < until || !all_above_one(only));
    stop = 1;
    feed_all(only);
    for (size_t i = 0; i < COUNT(rows); i++)
        if (!only || strcmp(only, rows[i].name) == 0)
            end(&rows[i]);
    end_computing();
    remove_queues();
    return 0;
}
