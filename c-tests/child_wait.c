/* The wait family beside other threads: WNOWAIT, process groups, pidfds, wait3,
 * stops seen by waitid, and threads that wait for the same child: wait(2),
 * waitid(2), wait4(2).
 */
#include "lib/beside.h"
#include "lib/gated_child.h"
#include <sys/resource.h>
#include <sys/syscall.h>

enum { WAITERS = 5 };

static void tell_info(const char *what, int result, const siginfo_t *info)
{
    if (result == -1)
        printf("%s: -1, %s\n", what, errno_name(errno));
    else
        printf("%s: %s, code %d, status %d\n", what,
               info->si_pid == child ? "this child" : info->si_pid ? "another" : "nobody",
               info->si_code, info->si_status);
}

static void *by_wait3(void *unused)
{
    struct rusage usage = { .ru_maxrss = -1 };
    int status;
    announce();
    tell("wait3", wait3(&status, 0, &usage), &status);
    CHECK(usage.ru_maxrss >= 0);
    return unused;
}

static void *by_group(void *unused)
{
    int status;
    announce();
    tell("waitpid, a group", waitpid(-child, &status, 0), &status);
    return unused;
}

static void *leaving_it(void *unused)
{
    siginfo_t info = { 0 };
    announce();
    for (int i = 0; i < 2; i++)
        tell_info("WNOWAIT", waitid(P_PGID, (id_t)child, &info, WEXITED | WNOWAIT), &info);
    tell_info("P_PGID", waitid(P_PGID, (id_t)child, &info, WEXITED), &info);
    return unused;
}

static void *by_pidfd(void *unused)
{
    siginfo_t info = { 0 };
    int pidfd = (int)syscall(SYS_pidfd_open, child, 0);
    CHECK(pidfd >= 0);
    announce();
    tell_info("P_PIDFD", waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED), &info);
    tell_info("P_PIDFD, again", waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED), &info);
    close(pidfd);
    return unused;
}

static void *of_all(void *unused)
{
    siginfo_t info = { 0 };
    announce();
    tell_info("P_ALL", waitid(P_ALL, 0, &info, WEXITED), &info);
    return unused;
}

/* ---- stops ---- */

static void *stops(void *unused)
{
    siginfo_t info = { 0 };
    announce();
    tell_info("WSTOPPED", waitid(P_PID, (id_t)child, &info, WSTOPPED), &info);
    give(at_it[1], 'x');
    tell_info("WCONTINUED", waitid(P_PID, (id_t)child, &info, WCONTINUED), &info);
    return unused;
}

static void stop_and_continue(void *unused)
{
    CHECK(kill(child, SIGSTOP) == 0);
    announced(unused);
    CHECK(kill(child, SIGCONT) == 0);
}

/* ---- many for one child ---- */

static void *one_of_many(void *unused)
{
    int status;
    pid_t found = waitpid(child, &status, 0);
    CHECK(found == child || (found == -1 && errno == ECHILD));
    return found == child ? &child : unused;
}

static void many_for_one(void)
{
    pthread_t threads[WAITERS];
    int found = 0;
    make_child(1);
    for (int i = 0; i < WAITERS; i++)
        threads[i] = start(one_of_many, NULL);
    others_run();
    open_gate(NULL);
    for (int i = 0; i < WAITERS; i++)
        found += join(threads[i]) != NULL;
    printf("%d waited, %d found the child\n", WAITERS, found);
}

int main(void)
{
    static const struct { const char *name; thread_body *wait; } waits[] = {
        { "wait3", by_wait3 }, { "waitpid", by_group }, { "waitid, P_PGID", leaving_it },
        { "waitid, P_PIDFD", by_pidfd }, { "waitid, P_ALL", of_all },
    };
    make_gate();
    for (size_t i = 0; i < COUNT(waits); i++) {
        make_child(3 + (int)i);
        beside(waits[i].name, waits[i].wait, announced, open_gate, NULL);
    }

    make_child(8);
    beside("waitid, WSTOPPED", stops, announced, stop_and_continue, NULL);
    siginfo_t info = { 0 };
    CHECK(waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG) == 0);
    tell_info("WNOHANG", 0, &info);
    open_gate(NULL);
    CHECK(waitpid(child, NULL, 0) == child);

    many_for_one();
    return 0;
}
