/* A handler jumps out of a call that waits, at any instant of it, time and again.
 * Afterwards the thread waits elsewhere, nothing is lost of what the call waited
 * for, the same call succeeds when it may, and no descriptor is left over: locks,
 * semaphores, children, System V and POSIX queues, sockets, FIFOs and sleeps.
 * signal_mask_jump.c has some more. Follows siglongjmp(3), signal-safety(7).
 */
#include "lib/check.h"
#include "lib/signals.h"
#include "lib/usage.h"

#include <linux/futex.h>
#include <mqueue.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <sys/file.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/syscall.h>

enum { ROUNDS = 12 };

static __thread sigjmp_buf back;
static const struct timespec day = { 86400, 0 };

static void jump(int number)
{
    siglongjmp(back, number);
}

/* ---- what is waited for ----------------------------------------------------- */

static sem_t semaphore;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int word, quiet[2], full[2], pair[2], held, wanted, queue, set, hold[2];
static pid_t child;
static mqd_t posix_queue;
static char path[] = "/tmp/signal_jump-XXXXXX", fifo[60], large[1 << 16];
struct message { long type; char byte; };

static int do_sem_wait(void) { return sem_wait(&semaphore); }
static int do_sem_timedwait(void)
{
    struct timespec tomorrow = { time(NULL) + 86400, 0 };
    return sem_timedwait(&semaphore, &tomorrow);
}
static void post(void) { CHECK(sem_post(&semaphore) == 0); }
static int do_lock(void) { return pthread_mutex_lock(&mutex) || pthread_mutex_unlock(&mutex); }
static void unlock(void) { CHECK(pthread_mutex_unlock(&mutex) == 0); }
static int do_futex(void) { return (int)syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0); }
static void wake(void)
{
    while (syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 0)
        sched_yield();
}
static int do_waitpid(void) { return waitpid(child, NULL, 0) != child; }
static void end_child(void) { CHECK(close(hold[1]) == 0); }
static int do_msgrcv(void) { struct message m; return msgrcv(queue, &m, 1, 0, 0) != 1; }
static void do_msgsnd(void) { CHECK(msgsnd(queue, &(struct message){ 1, 'm' }, 1, 0) == 0); }
static int do_semop(void) { return semop(set, &(struct sembuf){ 0, -1, 0 }, 1); }
static void do_semop_up(void) { CHECK(semop(set, &(struct sembuf){ 0, 1, 0 }, 1) == 0); }
static int do_mq_receive(void) { char byte[8]; return mq_receive(posix_queue, byte, 8, NULL) != 1; }
static void do_mq_send(void) { CHECK(mq_send(posix_queue, "m", 1, 0) == 0); }
static int do_flock(void) { return flock(wanted, LOCK_EX) || flock(wanted, LOCK_UN); }
static void release_flock(void) { CHECK(flock(held, LOCK_UN) == 0); }
static int do_ofd(void)
{
    struct flock lock = { .l_type = F_WRLCK }, none = { .l_type = F_UNLCK };
    return fcntl(wanted, F_OFD_SETLKW, &lock) || fcntl(wanted, F_OFD_SETLK, &none);
}
static void release_ofd(void) { CHECK(fcntl(held, F_OFD_SETLK, &(struct flock){ .l_type = F_UNLCK }) == 0); }
static int do_select(void)
{
    fd_set readers;
    FD_ZERO(&readers);
    FD_SET(quiet[0], &readers);
    return select(quiet[0] + 1, &readers, NULL, NULL, NULL) != 1 || take(quiet[0]) != 'q';
}
static void give_quiet(void) { give(quiet[1], 'q'); }
static int do_write(void) { return write(full[1], "x", 1) != 1; }
static void empty_full(void) { CHECK(read(full[0], large, sizeof large) > 0); }
static int do_recvmsg(void)
{
    char byte;
    struct iovec one = { &byte, 1 };
    struct msghdr message = { .msg_iov = &one, .msg_iovlen = 1 };
    return recvmsg(pair[0], &message, 0) != 1;
}
static void send_byte(void) { CHECK(send(pair[1], "s", 1, 0) == 1); }
static int do_open(void)
{
    int file = open(fifo, O_RDONLY | O_CLOEXEC);
    return file == -1 || close(file);
}
static void open_other(void) { int file = open(fifo, O_WRONLY | O_CLOEXEC); CHECK(file >= 0 && close(file) == 0); }
static int do_sigwait(void)
{
    sigset_t usr2 = set_of(SIGUSR2, 0);
    int number;
    return sigwait(&usr2, &number);
}
static void send_usr2(void) { CHECK(kill(getpid(), SIGUSR2) == 0); }
static int do_sleep(void)
{
    clock_nanosleep(CLOCK_MONOTONIC, 0, &day, NULL);
    return 0;
}

static const struct row {
    const char *name;
    int (*call)(void);
    void (*release)(void);
} rows[] = {
    { "sem_wait", do_sem_wait, post }, { "sem_timedwait", do_sem_timedwait, post },
    { "pthread_mutex_lock", do_lock, unlock }, { "futex", do_futex, wake },
    { "waitpid", do_waitpid, end_child }, { "msgrcv", do_msgrcv, do_msgsnd },
    { "semop", do_semop, do_semop_up }, { "mq_receive", do_mq_receive, do_mq_send },
    { "flock", do_flock, release_flock }, { "F_OFD_SETLKW", do_ofd, release_ofd },
    { "select", do_select, give_quiet }, { "write", do_write, empty_full },
    { "recvmsg", do_recvmsg, send_byte }, { "open FIFO", do_open, open_other },
    { "sigwait", do_sigwait, send_usr2 }, { "clock_nanosleep", do_sleep, NULL },
};

/* ---- ------------------------------------------------------------------------ */

static int armed[2];

static void *be_interrupted(void *argument)
{
    const struct row *row = argument;
    int mask = own_mask();
    for (volatile int i = 0; i < ROUNDS; i++) {
        int number = sigsetjmp(back, 1);
        if (number == 0) {
            give(armed[1], 'a');        /* from here on the signal may come */
            row->call();
            CHECK(!"came back");
        }
        CHECK(number == SIGUSR1 && own_mask() == mask);
    }
    give(armed[1], 'z');
    CHECK(!row->release || row->call() == 0);
    return NULL;
}

static void prepare(void)
{
    struct mq_attr attributes = { .mq_maxmsg = 1, .mq_msgsize = 8 };
    CHECK(sem_init(&semaphore, 0, 0) == 0 && pthread_mutex_lock(&mutex) == 0);
    CHECK(pipe(armed) == 0 && pipe(quiet) == 0 && pipe(full) == 0 && pipe(hold) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
    CHECK(fcntl(full[1], F_SETFL, O_NONBLOCK) == 0);
    while (write(full[1], large, 4096) > 0)
        ;
    CHECK(errno == EAGAIN && fcntl(full[1], F_SETFL, 0) == 0);
    CHECK((held = mkstemp(path)) >= 0 && (wanted = open(path, O_RDWR)) >= 0);
    CHECK(flock(held, LOCK_EX) == 0);
    CHECK(fcntl(held, F_OFD_SETLK, &(struct flock){ .l_type = F_WRLCK }) == 0);
    CHECK(unlink(path) == 0);
    snprintf(fifo, sizeof fifo, "%s-fifo", path);
    CHECK(mkfifo(fifo, 0600) == 0);
    CHECK((queue = msgget(IPC_PRIVATE, 0600)) >= 0 && (set = semget(IPC_PRIVATE, 1, 0600)) >= 0);
    posix_queue = mq_open(path + 4, O_CREAT | O_RDWR, 0600, &attributes);
    CHECK(posix_queue != -1 && mq_unlink(path + 4) == 0);
    if ((child = fork()) == 0) {
        char byte;
        close(hold[1]);
        _exit(read(hold[0], &byte, 1) != 0);
    }
    CHECK(child > 0);
}

int main(int argc, char **argv)
{
    struct sigaction action = { .sa_handler = jump };
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    change_mask(SIG_BLOCK, SIGUSR2);
    prepare();
    others_run();
    int before = descriptors() - 1;            /* one end of the child's pipe goes */
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (argc > 1 && strcmp(argv[1], rows[i].name) != 0)
            continue;
        pthread_t thread = start(be_interrupted, (void *)&rows[i]);
        for (int round = 0; take(armed[0]) == 'a'; round++) {
            if (round % 4 == 3)
                others_run();
            for (int j = 0; j < round; j++)
                sched_yield();
            CHECK(pthread_kill(thread, SIGUSR1) == 0);
        }
        if (rows[i].release)
            rows[i].release();
        join(thread);
        printf("%s: %d jumps, then it succeeded\n", rows[i].name, ROUNDS);
        fflush(stdout);
    }
    printf("descriptors left open: %d\n", descriptors() - before);
    CHECK(unlink(fifo) == 0 && msgctl(queue, IPC_RMID, NULL) == 0 && semctl(set, 0, IPC_RMID) == 0);
    return 0;
}
