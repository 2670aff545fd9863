/*
 * signal_poll_masks: ppoll, pselect, epoll_pwait and sigsuspend replace the
 * mask of their thread alone while they wait, however the calls of several
 * threads overlap, and put it back.  A signal that only the call lets in
 * interrupts it, also if it was pending before; one that only the call blocks
 * waits for its end.  A ready descriptor comes before a pending signal, which
 * then stays pending.
 * Follows ppoll(2), pselect(2), epoll_pwait(2), sigsuspend(2).
 */
#include "lib/check.h"
#include "lib/signals.h"

#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/select.h>

enum { THREADS = 8, ROUNDS = 20 };

static __thread volatile sig_atomic_t handled;

static void handle(int number)
{
    (void)number;
    handled++;
}

/* ---- the calls: wait for a byte, at most `timeout`, under a mask --------- */

static int by_ppoll(int fd, const struct timespec *timeout, const sigset_t *mask)
{
    struct pollfd polled = { fd, POLLIN, 0 };
    return ppoll(&polled, 1, timeout, mask);
}

static int by_pselect(int fd, const struct timespec *timeout, const sigset_t *mask)
{
    fd_set readers;
    FD_ZERO(&readers);
    FD_SET(fd, &readers);
    return pselect(fd + 1, &readers, NULL, NULL, timeout, mask);
}

static int by_epoll_pwait(int fd, const struct timespec *timeout, const sigset_t *mask)
{
    struct epoll_event event = { .events = EPOLLIN };
    int epoll = epoll_create1(0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
    int milliseconds = timeout ? (int)(timeout->tv_sec * 1000 + timeout->tv_nsec / 1000000) : -1;
    int result = epoll_pwait(epoll, &event, 1, milliseconds, mask), error = errno;
    close(epoll);
    errno = error;
    return result;
}

static int by_sigsuspend(int fd, const struct timespec *timeout, const sigset_t *mask)
{
    (void)fd, (void)timeout;
    return sigsuspend(mask);
}

static const struct way {
    const char *name;
    int (*wait)(int fd, const struct timespec *timeout, const sigset_t *mask);
} ways[] = {
    { "ppoll", by_ppoll }, { "pselect", by_pselect }, { "epoll_pwait", by_epoll_pwait },
    { "sigsuspend", by_sigsuspend },
};

static void tell(const char *name, int result)
{
    int error = result == -1 ? errno : 0;
    printf("  %s: %d %s, handled %d, USR1 pending %d, mask %04d\n", name, result,
           errno_name(error), (int)handled, is_pending(SIGUSR1), own_mask());
    handled = 0;
}

/* ---- many threads -------------------------------------------------------- */

static struct target {
    pthread_t thread;
    const struct way *way;
    sigset_t own, during;
    int lets_in;
    sem_t armed, done;
} targets[THREADS];

static int quiet[2];

static void *be_interrupted(void *argument)
{
    struct target *own = argument;
    CHECK(pthread_sigmask(SIG_SETMASK, &own->own, NULL) == 0);
    int mask = own_mask();
    for (int i = 1; i <= ROUNDS; i++) {
        CHECK(sem_post(&own->armed) == 0);
        CHECK(own->way->wait(quiet[0], NULL, &own->during) == -1 && errno == EINTR);
        CHECK(handled == i && own_mask() == mask && !is_pending(own->lets_in));
        CHECK(sem_post(&own->done) == 0);
    }
    return NULL;
}

/* All wait at once; they are let go forwards, backwards, in steps of three. */
static void overlap(void)
{
    for (int i = 0; i < THREADS; i++) {
        struct target *to = &targets[i];
        int first = i & 1;
        to->way = &ways[i % COUNT(ways)];
        to->lets_in = first ? SIGUSR1 : SIGUSR2;
        /* Each blocks its signal otherwise, and half of them the other one in
         * the call only. */
        to->own = set_of(to->lets_in, i & 4 ? SIGTERM : SIGHUP);
        to->during = set_of(i & 4 ? SIGHUP : 0, i & 4 ? (first ? SIGUSR2 : SIGUSR1) : SIGTERM);
        CHECK(sem_init(&to->armed, 0, 0) == 0 && sem_init(&to->done, 0, 0) == 0);
        to->thread = start(be_interrupted, to);
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < THREADS; i++)
            CHECK(sem_wait(&targets[i].armed) == 0);
        for (int i = 0; i < THREADS; i++) {
            int next = round % 3 == 0 ? i : round % 3 == 1 ? THREADS - 1 - i : i * 3 % THREADS;
            CHECK(pthread_kill(targets[next].thread, targets[next].lets_in) == 0);
            CHECK(sem_wait(&targets[next].done) == 0);
        }
    }
    for (int i = 0; i < THREADS; i++)
        join(targets[i].thread);
    printf("%d threads, %d rounds: each was interrupted by its own, main's mask %04d\n", THREADS,
           ROUNDS, own_mask());
}

/* ---- one thread at a time -------------------------------------------------- */

static int wire[2];

/* Pending before the call. */
static void *pending_before(void *unused)
{
    sigset_t own = set_of(SIGUSR1, SIGTERM), none = set_of(0, 0), usr1 = set_of(SIGUSR1, 0);
    struct timespec day = { 86400, 0 };
    CHECK(pthread_sigmask(SIG_SETMASK, &own, NULL) == 0);
    for (size_t i = 0; i < COUNT(ways); i++) {
        CHECK(raise(SIGUSR1) == 0 && handled == 0);
        tell(ways[i].name, ways[i].wait(quiet[0], &day, &none));
    }
    puts(" sent to the process");
    for (size_t i = 0; i < COUNT(ways); i++) {
        CHECK(kill(getpid(), SIGUSR1) == 0 && handled == 0);
        tell(ways[i].name, ways[i].wait(quiet[0], &day, &none));
    }
    puts(" a mask that keeps it out, and time out");
    CHECK(raise(SIGUSR1) == 0 && handled == 0);
    struct timespec moment = { 0, 1000000 };
    for (size_t i = 0; i < COUNT(ways) - 1; i++)
        tell(ways[i].name, ways[i].wait(quiet[0], &moment, &usr1));
    tell("sigsuspend", ways[3].wait(quiet[0], NULL, &none));
    return unused;
}

/* The thread takes the signal at all times but during the call. */
static void *blocked_during(void *way)
{
    sigset_t usr1 = set_of(SIGUSR1, SIGTERM);
    struct way *own = way;
    CHECK(sem_post(&targets[0].armed) == 0);
    int result = own->wait(wire[0], NULL, &usr1);
    tell(own->name, result);
    return NULL;
}

/* Something is ready and a signal pending: who comes first? */
static void *ready_and_pending(void *unused)
{
    sigset_t own = set_of(SIGUSR1, SIGTERM), none = set_of(0, 0);
    struct timespec day = { 86400, 0 }, zero = { 0, 0 };
    CHECK(pthread_sigmask(SIG_SETMASK, &own, NULL) == 0);
    give(wire[1], 1);
    for (size_t i = 0; i < COUNT(ways); i++) {
        CHECK(raise(SIGUSR1) == 0 && handled == 0);
        tell(ways[i].name, ways[i].wait(wire[0], &day, &none));
    }
    take(wire[0]);
    puts(" nothing ready, but no time either");
    for (size_t i = 0; i < COUNT(ways); i++) {
        CHECK(raise(SIGUSR1) == 0 && handled == 0);
        tell(ways[i].name, ways[i].wait(quiet[0], &zero, &none));
    }
    return unused;
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    /* SA_RESTART means nothing to these calls. */
    struct sigaction action = { .sa_handler = handle, .sa_flags = SA_RESTART };
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0 && sigaction(SIGUSR2, &action, NULL) == 0);
    CHECK(pipe(quiet) == 0 && pipe(wire) == 0);
    sigset_t own = set_of(SIGUSR1, SIGUSR2);
    CHECK(pthread_sigmask(SIG_SETMASK, &own, NULL) == 0);
    overlap();
    puts("pending before the call");
    join(start(pending_before, NULL));

    puts("blocked by the call alone");
    for (size_t i = 0; i < COUNT(ways) - 1; i++) {
        own = set_of(0, 0);
        CHECK(pthread_sigmask(SIG_SETMASK, &own, NULL) == 0);
        pthread_t thread = start(blocked_during, (void *)&ways[i]);
        CHECK(sem_wait(&targets[0].armed) == 0);
        others_run();
        CHECK(pthread_kill(thread, SIGUSR1) == 0);
        others_run();
        give(wire[1], 1);
        join(thread);
        take(wire[0]);
    }
    own = set_of(SIGUSR1, SIGUSR2);
    CHECK(pthread_sigmask(SIG_SETMASK, &own, NULL) == 0);
    puts("something ready and a signal pending");
    join(start(ready_and_pending, NULL));
    printf("main's mask %04d\n", own_mask());
    return 0;
}
