/* A handler ends each of these blocking calls with EINTR; with SA_RESTART the
 * ones that signal(7) lists go on, and the others still end. These wait for
 * files, locks and IPC; signal_interrupts.c has all the rest.
 *
 * test: timeout=60
 */
#include "lib/interrupts.h"
#include <mqueue.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

static int ends[2], other, id;
static char byte, bulk[1 << 20], directory[] = "/tmp/check-XXXXXX", path[64];
static const struct timespec day = { 86400, 0 };

/* ---- SysV and POSIX queues and semaphores ---------------------------------- */

static struct { long type; char text[1024]; } message = { .type = 1 };

static void make_queue(void) { CHECK((id = msgget(IPC_PRIVATE, 0600)) >= 0); }
static void make_full_queue(void)
{
    make_queue();
    while (msgsnd(id, &message, sizeof message.text, IPC_NOWAIT) == 0)
        ;
}
static void send_message(void) { CHECK(msgsnd(id, &message, 1, IPC_NOWAIT) == 0); }
static void take_message(void)
{
    CHECK(msgrcv(id, &message, sizeof message.text, 0, IPC_NOWAIT) == sizeof message.text);
}
static long do_msgrcv(void) { return msgrcv(id, &message, 1, 0, 0); }
static long do_msgsnd(void) { return msgsnd(id, &message, sizeof message.text, 0); }

static void make_sems(void) { CHECK((id = semget(IPC_PRIVATE, 1, 0600)) >= 0); }
static void raise_sem(void) { CHECK(semop(id, &(struct sembuf){ 0, 1, IPC_NOWAIT }, 1) == 0); }
static long do_semop(void) { return semop(id, &(struct sembuf){ 0, -1, 0 }, 1); }
static long do_semtimedop(void) { return semtimedop(id, &(struct sembuf){ 0, -1, 0 }, 1, &day); }

static mqd_t posix_queue;
static void make_posix_queue(void)
{
    struct mq_attr attributes = { .mq_maxmsg = 1, .mq_msgsize = 1 };
    char name[40];
    snprintf(name, sizeof name, "/check-%d", getpid());
    posix_queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
    CHECK(posix_queue != -1 && mq_unlink(name) == 0);
}
static void mq_give(void) { CHECK(mq_send(posix_queue, "x", 1, 0) == 0); }
static void make_full_posix_queue(void) { make_posix_queue(), mq_give(); }
static void mq_take(void) { CHECK(mq_receive(posix_queue, &byte, 1, NULL) == 1); }
static struct timespec tomorrow(void)
{
    return (struct timespec){ time(NULL) + 86400, 0 };
}
static long do_mq_receive(void) { return mq_receive(posix_queue, &byte, 1, NULL); }
static long do_mq_timedreceive(void)
{
    struct timespec time = tomorrow();
    return mq_timedreceive(posix_queue, &byte, 1, NULL, &time);
}
static long do_mq_send(void) { return mq_send(posix_queue, "x", 1, 0); }

/* ---- file locks -------------------------------------------------------------- */

static struct flock whole_file = { .l_type = F_WRLCK };

static void open_twice(void)
{
    char name[] = "/tmp/check-XXXXXX";
    CHECK((ends[0] = mkstemp(name)) >= 0 && (ends[1] = open(name, O_RDWR)) >= 0);
    CHECK(unlink(name) == 0);
}
static void hold_flock(void)
{
    open_twice();
    CHECK(flock(ends[1], LOCK_EX) == 0);
}
static void hold_ofd(void)
{
    open_twice();
    CHECK(fcntl(ends[1], F_OFD_SETLK, &whole_file) == 0);
}
static void close_holder(void) { CHECK(close(ends[1]) == 0); }
/* A record lock is a process's, so a child holds it. */
static void hold_record(void)
{
    int locked[2], release[2];
    open_twice();
    CHECK(pipe(locked) == 0 && pipe(release) == 0);
    if (fork() == 0) {
        CHECK(fcntl(ends[0], F_SETLK, &whole_file) == 0);
        give(locked[1], 'l');
        take(release[0]);
        _exit(0);
    }
    CHECK(take(locked[0]) == 'l');
    other = release[1];
}
static void end_holder(void) { give(other, 'r'); }
static long do_flock(void) { return flock(ends[0], LOCK_EX); }
static long do_ofd(void) { return fcntl(ends[0], F_OFD_SETLKW, &whole_file); }
static long do_setlkw(void) { return fcntl(ends[0], F_SETLKW, &whole_file); }
static long do_lockf(void) { return lockf(ends[0], F_LOCK, 0); }

/* ---- FIFOs ------------------------------------------------------------------ */

/* Nobody has opened it yet. It stays until the next: a call that goes on may look
 * it up again. */
static void make_fifo(void)
{
    unlink(path);
    CHECK(mkfifo(path, 0600) == 0);
}
static void open_fifo(void) { CHECK(open(path, O_RDWR) >= 0); }
static void fill(int fd)
{
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    while (write(fd, bulk, 4096) > 0)
        ;
    CHECK(fcntl(fd, F_SETFL, 0) == 0);
}
static void give_byte(void) { give(ends[1], 'x'); }
static void empty(void)
{
    CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    while (read(ends[0], bulk, sizeof bulk) > 0)
        ;
}
static long do_open_to_read(void) { return open(path, O_RDONLY); }
static long do_open_to_write(void) { return open(path, O_WRONLY); }
static long do_fopen(void) { return fopen(path, "r") ? 0 : -1; }

/* ---- from descriptor to descriptor ---------------------------------------------- */

static void make_pipe(void) { CHECK(pipe(ends) == 0); }
static void make_full_pipe(void) { make_pipe(), fill(ends[1]); }
static void make_pipe_and_file(void) { make_pipe(), other = temporary_file(0); }
static void make_file_and_full_pipe(void)
{
    make_full_pipe();
    CHECK(write(other = temporary_file(0), "x", 1) == 1);
}
static void make_two_pipes(void)
{
    int spare[2];
    make_pipe();
    CHECK(pipe(spare) == 0);
    other = spare[1];
}
static long do_splice(void) { return splice(ends[0], NULL, other, NULL, 1, 0); }
static long do_tee(void) { return tee(ends[0], other, 1, 0); }
static long do_vmsplice(void) { return vmsplice(ends[1], &(struct iovec){ &byte, 1 }, 1, 0); }
static long do_sendfile(void)
{
    off_t from = 0;
    return sendfile(ends[1], other, &from, 1);
}

static const struct interrupted rows[] = {
    { "msgrcv", make_queue, do_msgrcv, send_message, 0 },
    { "msgsnd", make_full_queue, do_msgsnd, take_message, 0 },
    { "semop", make_sems, do_semop, raise_sem, 0 },
    { "semtimedop", make_sems, do_semtimedop, raise_sem, 0 },
    { "mq_receive", make_posix_queue, do_mq_receive, mq_give, 1 },
    { "mq_timedreceive", make_posix_queue, do_mq_timedreceive, mq_give, 1 },
    { "mq_send", make_full_posix_queue, do_mq_send, mq_take, 1 },
    { "flock", hold_flock, do_flock, close_holder, 1 },
    { "fcntl F_OFD_SETLKW", hold_ofd, do_ofd, close_holder, 1 },
    { "fcntl F_SETLKW", hold_record, do_setlkw, end_holder, 1 },
    { "lockf", hold_record, do_lockf, end_holder, 1 },
    { "open FIFO to read", make_fifo, do_open_to_read, open_fifo, 1 },
    { "open FIFO to write", make_fifo, do_open_to_write, open_fifo, 1 },
    { "fopen FIFO", make_fifo, do_fopen, open_fifo, 1 },
    { "splice", make_pipe_and_file, do_splice, give_byte, 1 },
    { "tee", make_two_pipes, do_tee, give_byte, 1 },
    { "vmsplice", make_full_pipe, do_vmsplice, empty, 1 },
    { "sendfile", make_file_and_full_pipe, do_sendfile, empty, 1 },
};

int main(int argc, char **argv)
{
    CHECK(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/fifo", directory);
    interrupt_all(rows, COUNT(rows), argc > 1 ? argv[1] : NULL);
    unlink(path);
    CHECK(rmdir(directory) == 0);
    return 0;
}
