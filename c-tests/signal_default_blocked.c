/*
 * signal_default_blocked: a signal with its default action, sent to a thread
 * that blocks it, waits there and ends the process when it is let in.  Where
 * all threads block it, it is for the one that waits: in sigwait, sigwaitinfo,
 * sigtimedwait or on a signalfd.  Each case has a process of its own.
 * Follows signal(7), pthread_kill(3), sigwait(3), signalfd(2).
 */
#include "lib/check.h"
#include "lib/signals.h"

#include <poll.h>
#include <sys/signalfd.h>

static pthread_barrier_t turn;
static sigset_t none, both, terms, childs;

static void block(int how, const sigset_t *set)
{
    CHECK(pthread_sigmask(how, set, NULL) == 0);
}

/* ---- the end comes when it is let in --------------------------------------- */

static int raises, unblocks_by_wait;

static void *hold_up_term(void *unused)
{
    block(SIG_SETMASK, &terms);
    if (raises)
        CHECK(raise(SIGTERM) == 0);
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    others_run();
    printf("  blocked: pending %d\n", is_pending(SIGTERM));
    fflush(stdout);
    if (unblocks_by_wait)
        sigsuspend(&none);
    else
        block(SIG_UNBLOCK, &terms);
    puts("  still alive");
    return unused;
}

static void killed_late(void)
{
    CHECK(pthread_barrier_init(&turn, NULL, 2) == 0);
    pthread_t thread = start(hold_up_term, NULL);
    pthread_barrier_wait(&turn);
    if (!raises)
        CHECK(pthread_kill(thread, SIGTERM) == 0);
    others_run();
    printf("  main: pending %d\n", is_pending(SIGTERM));
    fflush(stdout);
    pthread_barrier_wait(&turn);
    join(thread);
}

/* What is pending for a thread that ends is nobody's. */
static void *end_with_term(void *unused)
{
    block(SIG_SETMASK, &terms);
    CHECK(raise(SIGTERM) == 0 && is_pending(SIGTERM));
    return unused;
}

static void lost(void)
{
    join(start(end_with_term, NULL));
    others_run();
    printf("  the thread has ended: pending %d\n", is_pending(SIGTERM));
}

/* Some thread lets SIGTERM in, so the process ends; no thread must act. */
static void killed_at_once(void)
{
    pthread_barrier_t ever;
    CHECK(pthread_barrier_init(&turn, NULL, 2) == 0 && pthread_barrier_init(&ever, NULL, 2) == 0);
    start(hold_up_term, NULL);
    pthread_barrier_wait(&turn);
    block(SIG_SETMASK, &terms);
    CHECK(kill(getpid(), SIGTERM) == 0);
    printf("  all block: pending %d\n", is_pending(SIGTERM));
    fflush(stdout);
    block(SIG_SETMASK, &none);
    pthread_barrier_wait(&ever);
}

/* Ignored while it is pending, it is gone. */
static void discarded(void)
{
    others_run();
    block(SIG_SETMASK, &terms);
    CHECK(raise(SIGTERM) == 0 && kill(getpid(), SIGTERM) == 0);
    printf("  pending %d", is_pending(SIGTERM));
    CHECK(signal(SIGTERM, SIG_IGN) == SIG_DFL);
    printf(", ignored: pending %d\n", is_pending(SIGTERM));
    CHECK(signal(SIGTERM, SIG_DFL) == SIG_IGN);
    fflush(stdout);
    block(SIG_UNBLOCK, &terms);
}

/* ---- the signal thread ---------------------------------------------------- */

enum { SIGNALS = 60, WORKERS = 6 };

static int taken[2], stop[2], begin[2];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long work;

static int by_sigwait(void)
{
    int number;
    CHECK(sigwait(&both, &number) == 0);
    return number;
}

static int by_sigwaitinfo(void)
{
    siginfo_t info;
    int number = sigwaitinfo(&both, &info);
    CHECK(number == info.si_signo && info.si_code == SI_USER);
    return number;
}

static int by_sigtimedwait(void)
{
    struct timespec hour = { 3600, 0 };
    siginfo_t info;
    int number = sigtimedwait(&both, &info, &hour);
    CHECK(number == info.si_signo && info.si_code == SI_USER);
    return number;
}

static int (*wait_for)(void);

static void *take_signals(void *unused)
{
    for (int i = 0; i < SIGNALS; i++)
        give(taken[1], (char)wait_for());
    return unused;
}

static void *do_work(void *unused)
{
    struct pollfd polled = { stop[0], POLLIN, 0 };
    do {
        CHECK(pthread_mutex_lock(&lock) == 0);
        work++;
        CHECK(pthread_mutex_unlock(&lock) == 0);
        sched_yield();
    } while (poll(&polled, 1, 0) == 0);
    return unused;
}

/* One at a time: two of a kind would be one. */
static void send_all(pid_t to)
{
    for (int i = 0; i < SIGNALS / 2; i++) {
        int number = i % 3 ? SIGUSR1 : SIGTERM;
        CHECK(kill(to, number) == 0);
        CHECK(take(taken[0]) == number);
    }
}

static void *send_from_thread(void *unused)
{
    send_all(getpid());
    return unused;
}

static void signal_thread(void)
{
    pthread_t workers[WORKERS], waiter;
    CHECK(pipe(taken) == 0 && pipe(stop) == 0 && pipe(begin) == 0);
    block(SIG_SETMASK, &both);
    pid_t self = getpid(), sender = fork();
    if (sender == 0) {
        CHECK(take(begin[0]) == 'b');
        send_all(self);
        _exit(0);
    }
    for (int i = 0; i < WORKERS / 2; i++)
        workers[i] = start(do_work, NULL);
    waiter = start(take_signals, NULL);
    for (int i = WORKERS / 2; i < WORKERS; i++)
        workers[i] = start(do_work, NULL);
    join(start(send_from_thread, NULL));
    puts("  all from a thread");
    give(begin[1], 'b');
    printf("  all from a process: %s\n", child_end(sender));
    join(waiter);
    give(stop[1], 'e');
    for (int i = 0; i < WORKERS; i++)
        join(workers[i]);
    printf("  nothing left: pending %d %d, worked %d\n", is_pending(SIGUSR1), is_pending(SIGTERM),
           work >= WORKERS);
}

/* ---- SIGCHLD --------------------------------------------------------------- */

enum { CHILDREN = 12 };

static void *reap(void *unused)
{
    int sum = 0, status, number;
    for (int reaped = 0; reaped < CHILDREN;) {
        CHECK(sigwait(&childs, &number) == 0 && number == SIGCHLD);
        while (waitpid(-1, &status, WNOHANG) > 0) {
            sum += WEXITSTATUS(status);
            reaped++;
        }
    }
    printf("  reaped %d children, sum %d\n", CHILDREN, sum);
    return unused;
}

static void *make_children(void *unused)
{
    for (int i = 0; i < CHILDREN / 2; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            _exit(i);
        sched_yield();
    }
    return unused;
}

static void child_thread(void)
{
    block(SIG_SETMASK, &childs);
    pthread_t reaper = start(reap, NULL), maker = start(make_children, NULL);
    make_children(NULL);
    join(maker);
    join(reaper);
}

/* ---- signalfd --------------------------------------------------------------- */

static int bell;

static void *poll_signals(void *unused)
{
    struct signalfd_siginfo info;
    bell = signalfd(-1, &both, SFD_CLOEXEC);
    CHECK(bell >= 0);
    pthread_barrier_wait(&turn);
    for (char other = 0; other != 'e';) {
        struct pollfd polled[] = { { stop[0], POLLIN, 0 }, { bell, POLLIN, 0 } };
        /* The time limit is for a signal that is lost. */
        int ready = poll(polled, 2, 5000);
        CHECK(ready >= 0);
        if (ready == 0) {
            printf("  nothing came, pending %d %d\n", is_pending(SIGUSR1), is_pending(SIGTERM));
            fflush(stdout);
            _exit(1);
        }
        if (polled[0].revents)
            give(taken[1], other = take(stop[0]));
        if (polled[1].revents) {
            CHECK(read(bell, &info, sizeof info) == sizeof info);
            CHECK((pid_t)info.ssi_pid == getpid());
            give(taken[1], (char)info.ssi_signo);
        }
    }
    return unused;
}

static void *ring(void *unused)
{
    for (int i = 0; i < SIGNALS; i++) {
        int number = i % 3 ? SIGUSR1 : SIGTERM;
        CHECK(kill(getpid(), number) == 0);
        CHECK(take(taken[0]) == number);
        char other = i < SIGNALS - 1 ? 'x' : 'e';
        give(stop[1], other);
        CHECK(take(taken[0]) == other);
    }
    puts("  all sent to the process");
    return unused;
}

static void signal_descriptor(void)
{
    CHECK(pipe(taken) == 0 && pipe(stop) == 0);
    CHECK(pthread_barrier_init(&turn, NULL, 2) == 0);
    block(SIG_SETMASK, &both);
    pthread_t poller = start(poll_signals, NULL);
    pthread_barrier_wait(&turn);
    join(start(ring, NULL));
    join(poller);
}

/* ---------------------------------------------------------------------------- */

static void in_child(const char *name, void (*body)(void))
{
    puts(name);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        body();
        exit(0);
    }
    printf("  %s\n", child_end(child));
}

int main(void)
{
    sigemptyset(&none), sigemptyset(&both), sigemptyset(&terms), sigemptyset(&childs);
    sigaddset(&both, SIGTERM), sigaddset(&both, SIGUSR1);
    sigaddset(&terms, SIGTERM), sigaddset(&childs, SIGCHLD);
    in_child("pthread_kill", killed_late);
    unblocks_by_wait = 1;
    in_child("pthread_kill, let in by sigsuspend", killed_late);
    raises = 1;
    in_child("raise, let in by sigsuspend", killed_late);
    unblocks_by_wait = 0;
    in_child("raise", killed_late);
    in_child("pending in a thread that ends", lost);
    in_child("kill, let in by main", killed_at_once);
    in_child("ignored meanwhile", discarded);
    wait_for = by_sigwait;
    in_child("sigwait thread", signal_thread);
    wait_for = by_sigwaitinfo;
    in_child("sigwaitinfo thread", signal_thread);
    wait_for = by_sigtimedwait;
    in_child("sigtimedwait thread", signal_thread);
    in_child("SIGCHLD thread", child_thread);
    in_child("signalfd thread", signal_descriptor);
    return 0;
}
