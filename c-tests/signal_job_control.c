/* A process with threads is stopped and continued while they wait, and each wait
 * goes on as if nothing had been: sleeps, timed conditions and semaphores, poll,
 * read, join, a computing thread. Stopped by SIGSTOP, by SIGTSTP with its default
 * action, and by a SIGTSTP handler that restores the default, sends the signal
 * again and lets it in, in main or in a thread; a SIGCONT handler runs once for
 * each. Follows signal(7), "Job control"; waitpid(2); setpgid(2).
 *
 * test: slow
 * test: env=GREEN_SLICE_MS=10
 */
#include "lib/deadline.h"
#include "lib/check.h"
#include "lib/signals.h"

#include <poll.h>
#include <semaphore.h>
#include <sys/prctl.h>

enum { STOPS = 4, DELAY_MS = 400 };

/* ---- the process that is stopped ----------------------------------------- */

static volatile sig_atomic_t continued, suspended;
static int said[2];                     /* a byte for each SIGCONT handled, one for each handler of SIGTSTP */
static volatile int stop_computing;
static int quiet[2];
static sem_t never, in_place;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static struct timespec end;

static void on_cont(int number)
{
    int error = errno;
    (void)number;
    continued++;
    CHECK(write(said[1], "c", 1) == 1);
    errno = error;
}

static void on_tstp(int number)
{
    struct sigaction action = { .sa_handler = SIG_DFL }, mine;
    sigset_t tstp = set_of(number, 0), before;
    int error = errno;
    suspended++;
    CHECK(sigaction(SIGTSTP, &action, &mine) == 0);
    CHECK(raise(SIGTSTP) == 0);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &tstp, &before) == 0);
    /* Stopped here until SIGCONT. */
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    CHECK(sigaction(SIGTSTP, &mine, NULL) == 0);
    CHECK(write(said[1], "t", 1) == 1);
    errno = error;
}

static void begun(void)
{
    CHECK(sem_post(&in_place) == 0);
}

static void *sleeps(void *unused)
{
    begun();
    int error;
    while ((error = clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &end, NULL)) != 0)
        CHECK(error == EINTR);
    CHECK(reached(CLOCK_REALTIME, end));
    return unused;
}

static void *waits_for_condition(void *unused)
{
    int error;
    begun();
    CHECK(pthread_mutex_lock(&mutex) == 0);
    while ((error = pthread_cond_timedwait(&cond, &mutex, &end)) == 0)
        ;
    CHECK(error == ETIMEDOUT && reached(CLOCK_REALTIME, end));
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return unused;
}

static void *waits_for_semaphore(void *unused)
{
    begun();
    while (sem_timedwait(&never, &end) == -1 && errno == EINTR)
        ;
    CHECK(errno == ETIMEDOUT && reached(CLOCK_REALTIME, end));
    return unused;
}

static void *polls(void *unused)
{
    struct pollfd polled = { quiet[0], POLLIN, 0 };
    int result;
    begun();
    while ((result = poll(&polled, 1, -1)) == -1)
        CHECK(errno == EINTR);
    CHECK(result == 1 && polled.revents == POLLIN);
    return unused;
}

static void *reads(void *unused)
{
    begun();
    CHECK(take(quiet[0]) == 'q');
    return unused;
}

static void *computes(void *unused)
{
    begun();
    while (!stop_computing)
        ;
    return unused;
}

static void *joins(void *other)
{
    begun();
    join(*(pthread_t *)other);
    return NULL;
}

/* Says 'r', is stopped by its parent, says how it went when that says 'g'. */
static void be_stopped(int wire, int handles, int only_thread)
{
    static thread_body *const bodies[] = { sleeps, waits_for_condition, waits_for_semaphore, polls, reads };
    struct sigaction cont = { .sa_handler = on_cont, .sa_flags = SA_RESTART };
    struct sigaction tstp = { .sa_handler = on_tstp, .sa_flags = SA_RESTART };
    pthread_t threads[COUNT(bodies)], computing, joining;
    CHECK(setpgid(0, 0) == 0 && pipe(quiet) == 0);
    CHECK(sem_init(&never, 0, 0) == 0 && sem_init(&in_place, 0, 0) == 0);
    CHECK(sigaction(SIGCONT, &cont, NULL) == 0);
    if (handles)
        CHECK(sigaction(SIGTSTP, &tstp, NULL) == 0);
    end = time_in(CLOCK_REALTIME, DELAY_MS);
    for (size_t i = 0; i < COUNT(bodies); i++)
        threads[i] = start(bodies[i], NULL);
    computing = start(computes, NULL);
    joining = start(joins, &threads[0]);
    for (size_t i = 0; i < COUNT(bodies) + 2; i++)
        while (sem_wait(&in_place) == -1)
            CHECK(errno == EINTR);
    if (only_thread)
        change_mask(SIG_BLOCK, SIGTSTP), change_mask(SIG_BLOCK, SIGCONT);
    give(wire, 'r');
    CHECK(take(wire) == 'g');
    write_all(quiet[1], "qq", 2);     /* poll is to see one that read leaves */
    stop_computing = 1;
    for (size_t i = 1; i < COUNT(bodies); i++)
        join(threads[i]);
    join(computing), join(joining);
    if (handles && suspended != STOPS)
        dprintf(2, "suspended %d\n", (int)suspended);
    give(wire, (char)(continued + (handles && suspended != STOPS ? 100 : 0)));
    _exit(0);
}

/* ---- its parent --------------------------------------------------------------- */

static void run(const char *name, int number, int handles, int only_thread)
{
    int wire[2], status;
    CHECK(pipe(said) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, wire) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
        close(wire[0]);
        be_stopped(wire[1], handles, only_thread);
    }
    close(wire[1]);
    CHECK(take(wire[0]) == 'r');
    for (int i = 0; i < STOPS; i++) {
        CHECK(kill(child, number) == 0);
        CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
        CHECK(WSTOPSIG(status) == number);
        CHECK(kill(child, SIGCONT) == 0);
        CHECK(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status));
        /* A stop signal would drop a SIGCONT that nobody has taken yet. */
        for (int j = 0; j < 1 + handles; j++)
            take(said[0]);
    }
    give(wire[0], 'g');
    printf("%s: stopped %d times, continued %d", name, STOPS, take(wire[0]));
    printf(", %s\n", child_end(child));
    fflush(stdout);
    close(wire[0]), close(said[0]), close(said[1]);
}

int main(void)
{
    run("SIGSTOP", SIGSTOP, 0, 0);
    run("SIGTSTP, default", SIGTSTP, 0, 0);
    run("SIGTSTP, handler", SIGTSTP, 1, 0);
    run("SIGTSTP, handler, main blocks it", SIGTSTP, 1, 1);
    return 0;
}
