/* With SIGCHLD ignored, or with SA_NOCLDWAIT, children leave nothing behind: a
 * wait holds until all have ended and fails with ECHILD, while other threads
 * run; with SA_NOCLDWAIT the handler still runs. With SA_NOCLDSTOP a stop is not
 * told: sigaction(2), wait(2), waitpid(2) "Linux notes".
 */
#include "lib/check.h"

#include <semaphore.h>
#include <sys/resource.h>

static int hold[2];
static sem_t waits;
static volatile sig_atomic_t told;

static void count(int number)
{
    (void)number;
    told++;
}

static void ends_with_its_parent(void)
{
    char byte;
    close(hold[1]);
    _exit((int)read(hold[0], &byte, 1));
}

static pid_t make_child(void)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        ends_with_its_parent();
    return child;
}

static pid_t one;

static long by_wait(void) { return wait(NULL); }
static long by_waitpid(void) { return waitpid(one, NULL, 0); }
static long by_waitpid_any(void) { int status; return waitpid(-1, &status, 0); }
static long by_wait4(void) { struct rusage usage; return wait4(one, NULL, 0, &usage); }
static long by_waitid(void) { siginfo_t info; return waitid(P_PID, (id_t)one, &info, WEXITED); }
static long by_waitid_all(void) { siginfo_t info; return waitid(P_ALL, 0, &info, WEXITED); }

static const struct way {
    const char *name;
    long (*wait)(void);
} ways[] = {
    { "wait", by_wait }, { "waitpid", by_waitpid }, { "waitpid any", by_waitpid_any },
    { "wait4", by_wait4 }, { "waitid", by_waitid }, { "waitid all", by_waitid_all },
};

static void *wait_so(void *way)
{
    CHECK(sem_post(&waits) == 0);
    errno = 0;
    long result = ((const struct way *)way)->wait();
    printf("  %s: %ld %s\n", ((const struct way *)way)->name, result, errno_name(errno));
    return NULL;
}

static void try_all(const char *name, const struct sigaction *action)
{
    puts(name);
    CHECK(sigaction(SIGCHLD, action, NULL) == 0);
    for (size_t i = 0; i < COUNT(ways); i++) {
        CHECK(pipe(hold) == 0);
        one = make_child(), make_child();
        told = 0;
        pthread_t thread = start(wait_so, (void *)&ways[i]);
        CHECK(sem_wait(&waits) == 0);
        others_run();
        CHECK(kill(one, 0) == 0);
        CHECK(close(hold[1]) == 0);
        join(thread);
        /* waitpid of one does not hold for the other. */
        CHECK(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
        /* The kernel takes it away by itself, an instant later. */
        while (kill(one, 0) == 0)
            sched_yield();
        CHECK(errno == ESRCH);
        CHECK((told > 0) == (action->sa_handler == count));
        close(hold[0]);
    }
}

static void stops(int flags)
{
    struct sigaction action = { .sa_handler = count, .sa_flags = flags | SA_RESTART };
    int status;
    CHECK(sigaction(SIGCHLD, &action, NULL) == 0 && pipe(hold) == 0);
    told = 0;
    pid_t child = make_child();
    CHECK(kill(child, SIGSTOP) == 0);
    CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    CHECK(kill(child, SIGCONT) == 0);
    CHECK(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status));
    printf("stopped and continued: told %d", told > 0);
    close(hold[1]), close(hold[0]);
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    printf(", ended: told %d\n", told > 0);
}

int main(void)
{
    struct sigaction ignores = { .sa_handler = SIG_IGN };
    struct sigaction leaves_none = { .sa_handler = count, .sa_flags = SA_NOCLDWAIT | SA_RESTART };
    CHECK(sem_init(&waits, 0, 0) == 0);
    others_run();
    try_all("SIG_IGN", &ignores);
    try_all("SA_NOCLDWAIT, a handler", &leaves_none);
    leaves_none.sa_handler = SIG_DFL;
    try_all("SA_NOCLDWAIT, default", &leaves_none);
    stops(0);
    stops(SA_NOCLDSTOP);
    return 0;
}
