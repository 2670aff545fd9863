/* wait(2), waitpid(2), wait4(2) and waitid(2) stop the calling thread alone:
 * the child that is waited for ends only after another thread has run. Stops and
 * continuations are seen, WNOHANG does not wait, and errors are the kernel's.
 */
#include "lib/expect.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static int go[2];

/* A child that ends with this status once somebody lets it. */
static pid_t child_that_ends(int status)
{
    pid_t child = (pid_t)SYS(fork());
    if (child == 0) {
        char byte;
        _exit(read(go[0], &byte, 1) == 1 ? status : 99);
    }
    return child;
}

/* Runs while main waits. */
static void *let_go(void *unused)
{
    SYS(write(go[1], "x", 1));
    return unused;
}

static void *stop_and_continue(void *child)
{
    SYS(kill(*(pid_t *)child, SIGSTOP));
    return NULL;
}

static void tell(const char *how, int right, int status)
{
    printf("%s: %s, exit status %d\n", how, right ? "this child" : "another", WEXITSTATUS(status));
    EXPECT(right && WIFEXITED(status));
}

static void *wait_for_own(void *status_wanted)
{
    int wanted = (int)(intptr_t)status_wanted, status;
    pid_t child = (pid_t)SYS(fork());
    if (child == 0)
        _exit(wanted);
    EXPECT(waitpid(child, &status, 0) == child);
    return (void *)(intptr_t)(WEXITSTATUS(status) == wanted);
}

int main(void)
{
    int status = 0;
    struct rusage usage;
    siginfo_t info = { 0 };
    SYS(pipe(go));
    join_thread(start_thread(wait_for_own, (void *)1));

    pid_t found, child = child_that_ends(3);
    EXPECT(waitpid(child, &status, WNOHANG) == 0);
    pthread_t other = start_thread(let_go, NULL);
    found = waitpid(child, &status, 0);
    tell("waitpid", found == child, status);
    join_thread(other);

    child = child_that_ends(4);
    other = start_thread(let_go, NULL);
    found = wait(&status);
    tell("wait", found == child, status);
    join_thread(other);

    child = child_that_ends(5);
    other = start_thread(let_go, NULL);
    found = wait4(child, &status, 0, &usage);
    tell("wait4", found == child, status);
    join_thread(other);

    child = child_that_ends(6);
    other = start_thread(let_go, NULL);
    EXPECT(waitid(P_PID, (id_t)child, &info, WEXITED) == 0);
    printf("waitid: %s, %d\n", info.si_pid == child ? "this child" : "another", info.si_status);
    join_thread(other);

    child = child_that_ends(7);
    other = start_thread(stop_and_continue, &child);
    EXPECT(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    printf("stopped by %s\n", WSTOPSIG(status) == SIGSTOP ? "SIGSTOP" : "another");
    join_thread(other);
    SYS(kill(child, SIGCONT));
    EXPECT(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status));
    other = start_thread(let_go, NULL);
    found = waitpid(-1, &status, 0);
    tell("continued", found == child, status);
    join_thread(other);

    EXPECT(waitpid(child, &status, 0) == -1 && errno == ECHILD);
    EXPECT(waitpid(-1, &status, 0) == -1 && errno == ECHILD);
    EXPECT(waitpid(child, &status, 1 << 20) == -1 && errno == EINVAL);

    pthread_t threads[20];
    int right = 0;
    for (int i = 0; i < 20; i++)
        threads[i] = start_thread(wait_for_own, (void *)(intptr_t)(i + 1));
    for (int i = 0; i < 20; i++)
        right += (int)(intptr_t)join_thread(threads[i]);
    printf("%d threads waited for their own\n", right);
    return 0;
}
