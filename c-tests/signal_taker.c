/* The classic design: all threads block all signals but faults, one takes them by
 * sigwaitinfo while others compute, wait and pass bytes on. It gets what comes
 * from alarm, from timers, from other processes and from children that end, each
 * one, and no thread is disturbed; SIGTERM ends the work: sigwaitinfo(2),
 * pthread_sigmask(3), signal(7).
 *
 * test: env=GREEN_SLICE_MS=10
 */
#include "lib/check.h"

#include <sched.h>
#include <sys/time.h>

enum { CHILDREN = 5, QUEUED = 40, ALARMS = 10 };

static volatile int stop;
static int there[2], back[2], reported[2];
static sigset_t set;

static void not_here(int number)
{
    (void)number;
    CHECK(!"a handler ran");
}

/* ---- the others' work --------------------------------------------------------- */

static void *compute(void *unused)
{
    while (!stop)
        ;
    return unused;
}

static void *echo(void *unused)
{
    char byte;
    ssize_t count;
    while ((count = read(there[0], &byte, 1)) == 1)
        give(back[1], byte);
    CHECK(count == 0);
    return unused;
}

static void *ask(void *unused)
{
    char byte = 0;
    for (; !stop; byte++) {
        give(there[1], byte);
        CHECK(take(back[0]) == byte);
    }
    close(there[1]);
    return unused;
}

static void *doze(void *unused)
{
    struct timespec millisecond = { 0, 1000000 };
    while (!stop)
        CHECK(nanosleep(&millisecond, NULL) == 0);
    return unused;
}

/* ---- the one that takes them -------------------------------------------------- */

static int alarms, queued, ended, user;

static void *take_signals(void *unused)
{
    siginfo_t info;
    int status;
    for (;;) {
        int number = sigwaitinfo(&set, &info);
        CHECK(number == info.si_signo);
        if (number == SIGTERM)
            break;
        if (number == SIGALRM && ++alarms == ALARMS)
            give(reported[1], 'a');
        if (number == SIGUSR1 && ++user == 1)
            give(reported[1], 'u');
        if (number == SIGRTMIN) {
            CHECK(info.si_value.sival_int == queued);
            if (++queued == QUEUED)
                give(reported[1], 'q');
        }
        if (number == SIGCHLD)          /* one may stand for many */
            while (waitpid(-1, &status, WNOHANG) > 0) {
                CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
                if (++ended == CHILDREN)
                    give(reported[1], 'c');
            }
    }
    stop = 1;
    return unused;
}

static void make_child(int sends)
{
    pid_t child = fork(), parent;
    CHECK(child >= 0);
    if (child > 0)
        return;
    parent = getppid();
    for (int i = 0; sends && i < QUEUED; i++)
        CHECK(sigqueue(parent, SIGRTMIN, (union sigval){ .sival_int = i }) == 0);
    if (sends)
        CHECK(kill(parent, SIGUSR1) == 0);
    _exit(0);
}

int main(void)
{
    static const int numbers[] = { SIGALRM, SIGUSR1, SIGCHLD, SIGTERM };
    static thread_body *const bodies[] = { compute, echo, ask, doze };
    struct itimerval often = { { 0, 2000 }, { 0, 2000 } };
    struct sigaction action = { .sa_handler = not_here };
    pthread_t threads[COUNT(bodies)];
    int said[128] = { 0 };
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    for (size_t i = 0; i < COUNT(numbers); i++)
        sigaddset(&set, numbers[i]);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    /* SIGRTMIN and SIGTERM keep the default, which a blocked one does not act on. */
    for (size_t i = 0; i < 3; i++)
        CHECK(sigaction(numbers[i], &action, NULL) == 0);
    CHECK(pipe(there) == 0 && pipe(back) == 0 && pipe(reported) == 0);
    pthread_t taker = start(take_signals, NULL);
    for (size_t i = 0; i < COUNT(bodies); i++)
        threads[i] = start(bodies[i], NULL);
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    for (int i = 0; i < CHILDREN; i++)
        make_child(i == 2);
    for (int i = 0; i < 4; i++)
        said[(int)take(reported[0])]++;
    printf("alarms %d, queued %d, children %d, user %d\n", said['a'], said['q'], said['c'], said['u']);
    CHECK(setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL) == 0);
    CHECK(kill(getpid(), SIGTERM) == 0);
    join(taker);
    for (size_t i = 0; i < COUNT(bodies); i++)
        join(threads[i]);
    printf("SIGTERM: all work ended, %d queued in order\n", queued);
    return 0;
}
