/* system(3) stops the calling thread alone. While the command runs SIGINT and
 * SIGQUIT are ignored and the caller's SIGCHLD waits, the command has the
 * program's dispositions, and a signal handler does not end the wait.
 */
#include "lib/beside.h"
#include "lib/command.h"
#include "lib/crowd.h"

enum { THREADS = 10 };

static int status;
static pthread_t caller;
static volatile sig_atomic_t children, others;

static void count_child(int signal)
{
    (void)signal;
    children++;
}

static void count_other(int signal)
{
    (void)signal;
    others++;
}

static void blocked(const char *when)
{
    sigset_t set;
    CHECK(pthread_sigmask(SIG_SETMASK, NULL, &set) == 0);
    printf("%s: SIGCHLD %s\n", when, sigismember(&set, SIGCHLD) ? "blocked" : "open");
}

static const char *disposition(int signal)
{
    struct sigaction action;
    CHECK(sigaction(signal, NULL, &action) == 0);
    return action.sa_handler == SIG_IGN ? "ignored" : action.sa_handler == SIG_DFL ? "default"
                                                                                    : "handled";
}

static void dispositions(const char *when)
{
    printf("%s: SIGINT %s, SIGQUIT %s\n", when, disposition(SIGINT), disposition(SIGQUIT));
}

/* The command says that it is there and waits for a word. */
static void *run(void *unused)
{
    caller = pthread_self();
    status = system("echo x >&9; read word <&8; exit 3");
    tell("system", status);
    blocked("after");
    return unused;
}

static void at_the_command(void *unused)
{
    at_command(unused);
    dispositions("meanwhile");
    blocked("another thread");
}

static void send_signals(void *unused)
{
    CHECK(kill(getpid(), SIGINT) == 0 && kill(getpid(), SIGQUIT) == 0);
    CHECK(pthread_kill(caller, SIGCHLD) == 0);
    CHECK(pthread_kill(caller, SIGUSR1) == 0);
    while (others == 0)
        others_run();
    printf("handled meanwhile: %d SIGCHLD, %d SIGUSR1\n", children, others);
    let_go(unused);
}

static void *one_of_many(void *number)
{
    char command[32];
    snprintf(command, sizeof command, "exit %ld", (long)number);
    for (int i = 0; i < 5; i++) {
        int status = system(command);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == (long)number);
    }
    return NULL;
}

static void *results(void *unused)
{
    tell("true", system("true"));
    tell("killed", system("kill -TERM $$"));
    tell("interrupted", system("kill -INT $$"));
    tell("unknown", system("/nonexistent/command 2>&-"));
    tell("closed output", system("exec >&-; echo x 2>&-"));
    printf("a shell: %s\n", system(NULL) ? "there" : "missing");
    CHECK(signal(SIGINT, SIG_IGN) != SIG_ERR);
    tell("not interrupted", system("kill -INT $$; exit 4"));
    CHECK(signal(SIGINT, SIG_DFL) != SIG_ERR);
    return unused;
}

int main(void)
{
    struct sigaction action = { .sa_handler = count_child };
    open_command_pipes();

    dispositions("before");
    beside("system", run, at_the_command, let_go, NULL);
    dispositions("after");

    CHECK(sigaction(SIGCHLD, &action, NULL) == 0);
    action.sa_handler = count_other;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(sigaction(SIGINT, &action, NULL) == 0 && sigaction(SIGQUIT, &action, NULL) == 0);
    dispositions("before");
    beside("system, signals", run, at_the_command, send_signals, NULL);
    dispositions("after");
    printf("SIGCHLD: %s\n", children ? "handled afterwards" : "lost");
    printf("SIGINT and SIGQUIT: %s\n", others == 1 ? "ignored" : "handled");
    CHECK(signal(SIGCHLD, SIG_DFL) != SIG_ERR);

    join(start(results, NULL));
    run_numbered(THREADS, one_of_many);
    printf("%d at once\n", THREADS);
    CHECK(wait(NULL) == -1 && errno == ECHILD);

    /* Ended children leave no status then. */
    CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
    tell("SIGCHLD ignored", system("exit 3"));
    return 0;
}
