/* What a child of vfork(2) does to its signal actions and its mask before it runs another
 * program is its own: it borrows the parent's memory, not the parent's handlers (sigaction(2)).
 * Python's subprocess module resets all handlers in such a child.
 */
#include "lib/check.h"

static volatile sig_atomic_t handled;

static void count(int signal)
{
    (void)signal;
    handled++;
}

static void change_nothing(void)
{
}

static void reset(void)
{
    struct sigaction action = { .sa_handler = SIG_DFL, .sa_flags = SA_RESTART };
    sigaction(SIGUSR1, &action, NULL);
}

static void ignore(void)
{
    struct sigaction action = { .sa_handler = SIG_IGN };
    sigaction(SIGUSR1, &action, NULL);
}

static void reset_by_signal(void)
{
    signal(SIGUSR1, SIG_DFL);
}

static void block_all(void)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
}

static int exit_status_of_child(void (*change)(void))
{
    int status;
    pid_t child = vfork();
    CHECK(child >= 0);
    if (child == 0) {
        change();
        _exit(7);
    }
    CHECK(waitpid(child, &status, 0) == child);
    return WEXITSTATUS(status);
}

static void show(const char *what, void (*change)(void))
{
    struct sigaction action = { .sa_handler = count };
    sigset_t mask, before, after;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);

    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(pthread_sigmask(SIG_BLOCK, &mask, &before) == 0);
    CHECK(pthread_kill(pthread_self(), SIGUSR1) == 0);      /* pending while there is a child */
    handled = 0;
    printf("%s: exit %d,", what, exit_status_of_child(change));
    CHECK(pthread_sigmask(SIG_SETMASK, &before, &after) == 0);
    for (int signal = 1; signal < NSIG; signal++)
        CHECK(sigismember(&after, signal) == (signal == SIGUSR1 || sigismember(&before, signal)));
    printf(" %d pending handled,", (int)handled);

    CHECK(kill(getpid(), SIGUSR1) == 0 && pthread_kill(pthread_self(), SIGUSR1) == 0);
    printf(" %d in all,", (int)handled);
    CHECK(sigaction(SIGUSR1, NULL, &action) == 0);
    printf(" %s with flags %d\n", action.sa_handler == count ? "the handler" : "another",
           action.sa_flags & SA_RESTART);
}

static void *nothing(void *unused)
{
    return unused;
}

int main(void)
{
    join(start(nothing, NULL));
    show("no change", change_nothing);
    show("SIG_DFL by sigaction", reset);
    show("SIG_IGN by sigaction", ignore);
    show("SIG_DFL by signal", reset_by_signal);
    show("everything blocked", block_all);
    return 0;
}
