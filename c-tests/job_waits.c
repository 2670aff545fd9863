/* A process with a thread in each kind of wait is stopped by SIGSTOP, SIGTSTP, SIGTTIN and
 * SIGTTOU and continued, with SIGCONT at its default, with a handler in main that has
 * SA_RESTART and with one that has not, and with a SIGTSTP handler as editors have it. No
 * wait ends by that, and each ends as it should when its time comes; time-outs that pass
 * while the process is stopped have passed when it goes on. Follows signal(7), waitpid(2),
 * nanosleep(2), poll(2).
 *
 * test: slow
 */
#include "lib/deadline.h"
#include "lib/locked.h"
#include "lib/reaper.h"
#include "lib/signals.h"

#include <poll.h>
#include <semaphore.h>
#include <sys/file.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/select.h>

enum { STOPS = 3, LIMIT_MS = 150 };

/* ---- the waits: how each ended, "0" as it should ----------------------------------- */

static int quiet[2], streamed[2], full[2], pair[2], late[2], life[2], said[2], listener;
static struct sockaddr_in address;
static char fifo[40];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, own = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t for_time = PTHREAD_MUTEX_INITIALIZER, kept = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER, never = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static sem_t posted, not_posted, in_place;
static pthread_t ends_late;
static pid_t grandchild;
static int gone_on;

#define RESULT(call) ((call) == -1 ? errno : 0)

static int in_read(void) { char byte; return RESULT(read(quiet[0], &byte, 1)); }
static int in_poll(void) { return RESULT(poll(&(struct pollfd){ late[0], POLLIN, 0 }, 1, -1)); }
static int in_accept(void) { return RESULT(accept(listener, NULL, NULL)); }
static int in_flock(void) { return RESULT(flock(description(), LOCK_EX)); }
static int in_open(void) { return RESULT(open(fifo, O_WRONLY)); }
static int in_wait(void) { return RESULT(waitpid(grandchild, NULL, 0)); }
static int in_msgrcv(void) { char text[20]; return RESULT(msgrcv(object, text, 8, 0, 0)); }
static int in_mutex(void) { int error = pthread_mutex_lock(&mutex); pthread_mutex_unlock(&mutex); return error; }
static int in_rwlock(void) { int error = pthread_rwlock_rdlock(&rwlock); pthread_rwlock_unlock(&rwlock); return error; }
static int in_barrier(void) { pthread_barrier_wait(&barrier); return 0; }
static int in_sem(void) { return RESULT(sem_wait(&posted)); }
static int in_join(void) { return pthread_join(ends_late, NULL); }

static int in_recv(void)
{
    char bytes[4];
    return RESULT(recv(pair[0], bytes, sizeof bytes, MSG_WAITALL));
}

/* A write of which a part is done when the process stops may end with that part. */
static int in_write(void)
{
    static char bytes[200000];
    for (size_t done = 0; done < sizeof bytes;) {
        ssize_t size = write(full[1], bytes + done, sizeof bytes - done);
        if (size == -1)
            return errno;
        done += (size_t)size;
    }
    return 0;
}

static int in_fgets(void)
{
    char line[20];
    FILE *stream = fdopen(streamed[0], "r");
    CHECK(stream);
    return fgets(line, sizeof line, stream) && strcmp(line, "line\n") == 0 ? 0 : errno;
}

static int in_sigwait(void)
{
    sigset_t usr1 = set_of(SIGUSR1, 0);
    int number;
    return sigwait(&usr1, &number);
}

static int in_cond(void)
{
    int error = 0;
    CHECK(pthread_mutex_lock(&own) == 0);
    while (!gone_on && error == 0)
        error = pthread_cond_wait(&cond, &own);
    CHECK(pthread_mutex_unlock(&own) == 0);
    return error;
}

/* ---- waits with a time-out: 0 if all of it has passed -------------------------------- */

static const struct timespec length = { 0, LIMIT_MS * 1000000L };

static int in_nanosleep(void) { return RESULT(nanosleep(&length, NULL)); }
static int in_timed_poll(void) { return RESULT(poll(&(struct pollfd){ 0 }, 0, LIMIT_MS)); }
static int timed_out(int error) { return error == ETIMEDOUT ? 0 : error == 0 ? EAGAIN : error; }

static int in_select(void)
{
    struct timeval time = { 0, LIMIT_MS * 1000L };
    return RESULT(select(0, NULL, NULL, NULL, &time));
}

static int in_absolute_sleep(void)
{
    struct timespec end = time_in(CLOCK_MONOTONIC, LIMIT_MS);
    return clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL);
}

static int in_timedwait(void)
{
    struct timespec end = time_in(CLOCK_REALTIME, LIMIT_MS);
    int error;
    CHECK(pthread_mutex_lock(&for_time) == 0);
    while ((error = pthread_cond_timedwait(&never, &for_time, &end)) == 0)
        continue;
    CHECK(pthread_mutex_unlock(&for_time) == 0);
    return timed_out(error);
}

static int in_timedlock(void)
{
    struct timespec end = time_in(CLOCK_REALTIME, LIMIT_MS);
    return timed_out(pthread_mutex_timedlock(&kept, &end));
}

/* sem_timedwait may end by EINTR only where a handler runs. */
static int in_timed_sem(void)
{
    struct timespec end = time_in(CLOCK_REALTIME, LIMIT_MS);
    return timed_out(RESULT(sem_timedwait(&not_posted, &end)));
}

static const struct wait { const char *name; int (*call)(void); int timed; } waits[] = {
    { "read", in_read, 0 }, { "poll", in_poll, 0 }, { "accept", in_accept, 0 }, { "recv", in_recv, 0 },
    { "write", in_write, 0 }, { "fgets", in_fgets, 0 }, { "flock", in_flock, 0 }, { "open", in_open, 0 },
    { "waitpid", in_wait, 0 }, { "msgrcv", in_msgrcv, 0 }, { "mutex", in_mutex, 0 }, { "rwlock", in_rwlock, 0 },
    { "barrier", in_barrier, 0 }, { "semaphore", in_sem, 0 }, { "join", in_join, 0 }, { "sigwait", in_sigwait, 0 },
    { "condition", in_cond, 0 },
    { "nanosleep", in_nanosleep, 1 }, { "timed poll", in_timed_poll, 1 }, { "select", in_select, 1 },
    { "absolute sleep", in_absolute_sleep, 1 }, { "timedwait", in_timedwait, 1 },
    { "timedlock", in_timedlock, 1 }, { "timed semaphore", in_timed_sem, 1 },
};

static void *make_wait(void *argument)
{
    const struct wait *wait = argument;
    struct timespec begun = now(CLOCK_MONOTONIC);
    CHECK(sem_post(&in_place) == 0);
    errno = 0;
    int error = wait->call();
    struct timespec ended = now(CLOCK_MONOTONIC);
    long elapsed = (ended.tv_sec - begun.tv_sec) * 1000 + (ended.tv_nsec - begun.tv_nsec) / 1000000;
    if (wait->timed && error == 0)
        CHECK(elapsed >= LIMIT_MS - 1);
    else if (error == 0)
        CHECK(__atomic_load_n(&gone_on, __ATOMIC_SEQ_CST));
    return (void *)(long)error;
}

/* ---- the process that is stopped --------------------------------------------------- */

static void tell(char what)
{
    int error = errno;
    CHECK(write(said[1], &what, 1) == 1);
    errno = error;
}

static void on_cont(int number) { CHECK(number == SIGCONT); tell('c'); }

static void on_tstp(int number)
{
    struct sigaction action = { .sa_handler = SIG_DFL }, mine;
    sigset_t tstp = set_of(number, 0), before;
    int error = errno;
    CHECK(sigaction(SIGTSTP, &action, &mine) == 0 && raise(SIGTSTP) == 0);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &tstp, &before) == 0);
    /* Stopped here until SIGCONT. */
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0 && sigaction(SIGTSTP, &mine, NULL) == 0);
    tell('t');
    errno = error;
}

static void *end_late(void *unused)
{
    char byte;
    CHECK(read(late[0], &byte, 1) == 1);
    return unused;
}

static void prepare(void)
{
    CHECK(pipe(quiet) == 0 && pipe(streamed) == 0 && pipe(full) == 0 && pipe(late) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    listener = tcp_listener(&address);
    file = temporary_file(0);
    CHECK(flock(file, LOCK_EX) == 0);
    snprintf(fifo, sizeof fifo, "/tmp/job-waits-%d", getpid());
    CHECK(mkfifo(fifo, 0600) == 0 && pthread_barrier_init(&barrier, NULL, 2) == 0);
    CHECK(sem_init(&posted, 0, 0) == 0 && sem_init(&not_posted, 0, 0) == 0 && sem_init(&in_place, 0, 0) == 0);
    CHECK(pthread_mutex_lock(&kept) == 0 && pthread_mutex_lock(&mutex) == 0 && pthread_rwlock_wrlock(&rwlock) == 0);
    CHECK((grandchild = fork()) >= 0);
    if (grandchild == 0) {
        char byte;
        CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
        _exit(read(late[0], &byte, 1) != 1);
    }
}

static void release(void)
{
    static char bytes[200000];
    __atomic_store_n(&gone_on, 1, __ATOMIC_SEQ_CST);
    write_all(quiet[1], "x", 1), write_all(streamed[1], "line\n", 5), write_all(pair[1], "four", 4), write_all(late[1], "xxx", 3);
    CHECK(read_all(full[0], bytes, sizeof bytes) == sizeof bytes);
    int client = tcp_connect(&address), reader = open(fifo, O_RDONLY);
    CHECK(client >= 0 && reader >= 0 && unlink(fifo) == 0 && flock(file, LOCK_UN) == 0);
    CHECK(msgsnd(object, &(struct { long type; char text[8]; }){ 1, "" }, 8, 0) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0 && pthread_rwlock_unlock(&rwlock) == 0 && sem_post(&posted) == 0);
    pthread_barrier_wait(&barrier);
    CHECK(pthread_mutex_lock(&own) == 0 && pthread_cond_signal(&cond) == 0 && pthread_mutex_unlock(&own) == 0);
    CHECK(kill(getpid(), SIGUSR1) == 0);
}

static char await_byte(int fd)
{
    char byte;
    ssize_t size;
    while ((size = read(fd, &byte, 1)) == -1)
        CHECK(errno == EINTR);
    CHECK(size == 1);
    return byte;
}

static void be_stopped(void (*on_continue)(int), int flags, void (*on_stop)(int))
{
    struct sigaction cont = { .sa_handler = on_continue, .sa_flags = flags };
    struct sigaction tstp = { .sa_handler = on_stop, .sa_flags = SA_RESTART };
    pthread_t threads[COUNT(waits)];
    CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && setpgid(0, 0) == 0);
    CHECK(sigaction(SIGCONT, &cont, NULL) == 0 && sigaction(SIGTSTP, &tstp, NULL) == 0);
    prepare();
    /* The handlers are main's. */
    change_mask(SIG_BLOCK, SIGUSR1);
    if (on_continue != SIG_DFL)
        change_mask(SIG_BLOCK, SIGCONT), change_mask(SIG_BLOCK, SIGTSTP);
    ends_late = start(end_late, NULL);
    for (size_t i = 0; i < COUNT(waits); i++)
        threads[i] = start(make_wait, (void *)&waits[i]);
    change_mask(SIG_UNBLOCK, SIGCONT), change_mask(SIG_UNBLOCK, SIGTSTP);
    for (size_t i = 0; i < COUNT(waits); i++)
        while (sem_wait(&in_place) == -1)
            CHECK(errno == EINTR);
    give(said[1], 'r');
    CHECK(await_byte(life[1]) == 'g');
    release();
    for (size_t i = 0; i < COUNT(waits); i++) {
        long error = (long)join(threads[i]);
        if (error)
            printf("  %s: %s\n", waits[i].name, errno_name((int)error));
    }
    fflush(stdout);
    _exit(0);
}

/* ---- its parent ----------------------------------------------------------------------- */

/* Stopped for `milliseconds`, which is what the time-outs are to pass in. */
static void run(const char *name, int number, void (*on_continue)(int), int flags, void (*on_stop)(int), long milliseconds)
{
    const struct timespec stopped = { 0, milliseconds * 1000000 };
    int status, handlers = (on_continue != SIG_DFL) + (on_stop != SIG_DFL && number == SIGTSTP);
    printf("%s\n", name);
    fflush(stdout);
    CHECK(pipe(said) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, life) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        be_stopped(on_continue, flags, on_stop);
    CHECK(close(said[1]) == 0 && close(life[1]) == 0);
    CHECK(take(said[0]) == 'r');
    for (int i = 0; i < STOPS; i++) {
        CHECK(kill(child, number) == 0);
        CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
        CHECK(WSTOPSIG(status) == number);
        if (milliseconds)
            nanosleep(&stopped, NULL);
        CHECK(kill(child, SIGCONT) == 0);
        CHECK(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status));
        /* A stop signal would drop a SIGCONT that nobody has taken yet. */
        for (int j = 0; j < handlers; j++)
            take(said[0]);
    }
    give(life[0], 'g');
    printf("  %s\n", child_end(child));
    close(said[0]), close(life[0]);
}

static void remove_queue(int id) { msgctl(id, IPC_RMID, NULL); }

int main(void)
{
    CHECK((object = msgget(IPC_PRIVATE, 0600)) >= 0);
    remove_at_the_end(remove_queue);
    run("SIGSTOP", SIGSTOP, SIG_DFL, 0, SIG_DFL, 0);
    run("SIGSTOP, for longer than the time-outs", SIGSTOP, SIG_DFL, 0, SIG_DFL, LIMIT_MS + 50);
    run("SIGTSTP", SIGTSTP, SIG_DFL, 0, SIG_DFL, 0);
    run("SIGTTIN", SIGTTIN, SIG_DFL, 0, SIG_DFL, 0);
    run("SIGTTOU, a SIGCONT handler with SA_RESTART", SIGTTOU, on_cont, SA_RESTART, SIG_DFL, 0);
    run("SIGTSTP, a SIGCONT handler without it", SIGTSTP, on_cont, 0, SIG_DFL, 0);
    run("SIGTSTP handled, and SIGCONT", SIGTSTP, on_cont, 0, on_tstp, 0);
    run("the same, for longer", SIGTSTP, on_cont, 0, on_tstp, LIMIT_MS + 50);
    return 0;
}
