/* A timer of this process every 50 microseconds, and another process that sends as fast as
 * it can, at a program whose threads lock, wait for conditions and semaphores with a time
 * limit, read and write pipes, create and join. The handler makes one async-signal-safe call
 * after the other, those that libgreen stands in front of: poll, select, waitpid, sigaction,
 * sigpending, kill, raise, read and write without waiting, dup, close, open, stat, _Fork and
 * execve too. Nothing is lost, and errno of who was interrupted stays. signal_storm.c shows
 * a handler of few calls under more kinds of work. Follows signal-safety(7), setitimer(2),
 * alarm(2), pipe(7).
 *
 * If the sender has a processor of its own, there may be a signal whenever a handler returns,
 * and main, which takes signals too, does not get to read what handlers have written. So the
 * handler itself ends both storms before the pipe is full.
 *
 * test: slow
 */
#include "lib/deadline.h"
#include "lib/flood.h"
#include "lib/signals.h"

#include <poll.h>
#include <semaphore.h>
#include <sys/select.h>
#include <sys/time.h>

/* With those that are still under way, far fewer than the 65,536 bytes that a pipe holds. */
enum { FROM_TIMER = 1800, FROM_OTHER = 1800, HANDLERS = FROM_TIMER + FROM_OTHER };

static int stopped, sender_ended, pending_bytes[2], quiet[2];
static long alarms, others, children;
static sem_t handled;
static pid_t own_process, sender;

static int is_over(void) { return __atomic_load_n(&stopped, __ATOMIC_SEQ_CST); }

/* ---- the handlers ------------------------------------------------------------ */

static void on_quiet(int number) { CHECK(number == SIGUSR2); }

static void try_polls(void)
{
    struct pollfd polled = { quiet[0], POLLIN, 0 };
    struct timeval no_time = { 0, 0 };
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(quiet[0], &readable);
    /* SIGUSR2 may be here. */
    CHECK(poll(&polled, 1, 0) == 0 || errno == EINTR);
    CHECK(select(quiet[0] + 1, &readable, NULL, NULL, &no_time) == 0 || errno == EINTR);
}

static void try_signals(void)
{
    struct sigaction action;
    sigset_t set, before;
    CHECK(sigaction(SIGUSR2, NULL, &action) == 0 && action.sa_handler == on_quiet);
    CHECK(sigaction(SIGUSR2, &action, NULL) == 0);
    CHECK(sigpending(&set) == 0 && sigemptyset(&set) == 0 && sigaddset(&set, SIGUSR2) == 0);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, &before) == 0 && kill(own_process, 0) == 0);
    CHECK(kill(own_process, SIGUSR2) == 0 && pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    CHECK(raise(SIGUSR2) == 0);
}

static void try_files(void)
{
    struct stat facts;
    char byte;
    int copy = dup(quiet[0]), null = open("/dev/null", O_RDWR);
    CHECK(copy >= 0 && null >= 0 && fstat(copy, &facts) == 0 && S_ISFIFO(facts.st_mode));
    CHECK(write(null, "x", 1) == 1 && read(null, &byte, 1) == 0);
    CHECK(close(copy) == 0 && close(null) == 0 && stat("/dev/null", &facts) == 0);
}

static void try_processes(void)
{
    CHECK(getpid() == own_process && getppid() > 0);
    CHECK(waitpid(own_process, NULL, WNOHANG) == -1 && errno == ECHILD);
}

/* A child that ends at once, and one that becomes another program. (Libc's fork() is not
 * async-signal-safe: it waits for malloc's lock, which pthread_create may have where the
 * signal came.) */
static void make_child(int executes)
{
    static char *const arguments[] = { (char *)"true", NULL };
    pid_t child = _Fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (executes)
            execve("/bin/true", arguments, arguments + 1);
        _exit(executes);
    }
    int status;
    while (waitpid(child, &status, 0) == -1)
        CHECK(errno == EINTR);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    children++;
}

static void (*const tries[])(void) = { try_polls, try_signals, try_files, try_processes };

static void on_signal(int number, siginfo_t *info, void *context)
{
    int error = errno;
    struct timespec time;
    long count = __atomic_add_fetch(number == SIGALRM ? &alarms : &others, 1, __ATOMIC_SEQ_CST);
    if (number == SIGALRM && count >= FROM_TIMER)
        alarm(0);
    if (number == SIGUSR1 && count == FROM_OTHER) {
        CHECK(kill(sender, SIGKILL) == 0);
        __atomic_store_n(&sender_ended, 1, __ATOMIC_SEQ_CST);
    }
    CHECK(context && (number == SIGALRM || info->si_pid != own_process));
    tries[count % (long)COUNT(tries)]();
    if (number == SIGALRM && count % 300 == 0)
        make_child(count % 600 == 0);
    CHECK(clock_gettime(CLOCK_MONOTONIC, &time) == 0);
    CHECK(write(pending_bytes[1], "s", 1) == 1);
    CHECK(sem_post(&handled) == 0);
    errno = error;
}

/* ---- the work ------------------------------------------------------------------ */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static sem_t tokens;
static long turns, token_count;
static int there[2];

static void *take_turns(void *number)
{
    errno = ERANGE;
    for (long mine = (long)number; !is_over(); mine += 2) {
        CHECK(pthread_mutex_lock(&lock) == 0);
        while (turns != mine && !is_over()) {
            struct timespec limit = in_20_ms();
            int error = pthread_cond_timedwait(&turned, &lock, &limit);
            CHECK(error == 0 || error == ETIMEDOUT);
        }
        if (turns == mine)
            turns++;
        CHECK(pthread_cond_broadcast(&turned) == 0 && pthread_mutex_unlock(&lock) == 0);
        CHECK(errno == ERANGE);
    }
    return NULL;
}

static void *take_tokens(void *unused)
{
    while (!is_over()) {
        struct timespec limit = in_20_ms();
        if (sem_timedwait(&tokens, &limit) == 0)
            __atomic_add_fetch(&token_count, 1, __ATOMIC_SEQ_CST);
        else
            CHECK(errno == ETIMEDOUT || errno == EINTR);
    }
    return unused;
}

static void *post_tokens(void *posted)
{
    for (; !is_over(); ++*(long *)posted) {
        CHECK(sem_post(&tokens) == 0);
        sched_yield();
    }
    return NULL;
}

static void *send_bytes(void *sent)
{
    char bytes[700];
    size_t offset = 0;
    for (; !is_over(); offset += sizeof bytes) {
        pattern_fill(bytes, sizeof bytes, offset);
        write_all(there[1], bytes, sizeof bytes);
    }
    *(long *)sent = (long)offset;
    CHECK(close(there[1]) == 0);
    return NULL;
}

static void *receive_bytes(void *received)
{
    char bytes[500];
    size_t offset = 0, size;
    while ((size = read_all(there[0], bytes, sizeof bytes)) > 0) {
        pattern_check(bytes, size, offset);
        offset += size;
    }
    *(long *)received = (long)offset;
    return NULL;
}

static void *answer(void *number) { return number; }

static void *create(void *unused)
{
    for (long i = 0; !is_over(); i++) {
        pthread_t thread = start(answer, (void *)i);
        CHECK(join(thread) == (void *)i);
    }
    return unused;
}

/* ---- the storm --------------------------------------------------------------------- */

int main(void)
{
    long posted = 0, sent = 0, received = 0;
    pthread_t threads[8];
    char bytes[500];
    struct itimerval interval = { { 0, 50 }, { 0, 50 } }, off = { { 0, 0 }, { 0, 0 } };
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_RESTART | SA_SIGINFO };
    own_process = getpid();
    CHECK(pipe(pending_bytes) == 0 && pipe(quiet) == 0 && pipe(there) == 0);
    CHECK(sem_init(&handled, 0, 0) == 0 && sem_init(&tokens, 0, 0) == 0);
    CHECK(signal(SIGUSR2, on_quiet) != SIG_ERR && signal(SIGUSR1, SIG_IGN) != SIG_ERR);
    action.sa_mask = set_of(SIGALRM, SIGUSR1);
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);

    for (long i = 0; i < 2; i++)
        threads[i] = start(take_turns, (void *)i);
    threads[2] = start(take_tokens, NULL), threads[3] = start(post_tokens, &posted);
    threads[4] = start(send_bytes, &sent), threads[5] = start(receive_bytes, &received);
    threads[6] = start(create, NULL), threads[7] = start(take_tokens, NULL);
    sender = start_flood((struct flood){ .to = own_process, .number = SIGUSR1 });
    /* From now on the handler knows the sender. */
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &interval, NULL) == 0);

    /* A byte and a post for each handler. */
    for (long i = 0; i < HANDLERS || !__atomic_load_n(&sender_ended, __ATOMIC_SEQ_CST); i++) {
        while (sem_wait(&handled) == -1)
            CHECK(errno == EINTR);
        CHECK(take(pending_bytes[0]) == 's');
    }
    CHECK(setitimer(ITIMER_REAL, &off, NULL) == 0);
    printf("the other process: %s\n", end_flood(sender));
    __atomic_store_n(&stopped, 1, __ATOMIC_SEQ_CST);
    for (size_t i = 0; i < COUNT(threads); i++)
        join(threads[i]);

    /* What came last is handled, in this thread or another that has ended. */
    change_mask(SIG_BLOCK, SIGALRM), change_mask(SIG_BLOCK, SIGUSR1);
    change_mask(SIG_UNBLOCK, SIGALRM), change_mask(SIG_UNBLOCK, SIGUSR1);
    while (sem_trywait(&handled) == 0)
        CHECK(read(pending_bytes[0], bytes, 1) == 1);
    while (sem_trywait(&tokens) == 0)
        token_count++;
    CHECK(poll(&(struct pollfd){ pending_bytes[0], POLLIN, 0 }, 1, 0) == 0);
    CHECK(token_count == posted && sent == received && turns > 0 && children >= 2);
    printf("at least %d handlers, and all adds up\n", HANDLERS);
    return 0;
}
