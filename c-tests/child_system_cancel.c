/* A thread that is cancelled in system(3) kills the command and waits for its
 * end; SIGINT and SIGQUIT have their dispositions back: system(3), pthreads(7).
 */
#include "lib/beside.h"

enum { AT_IT = 9 };

static int at_it[2];
static char cleanups[32];
static pid_t shell;

static void note(void *name)
{
    strcat(cleanups, name);
}

static void *run(void *command)
{
    pthread_cleanup_push(note, " cleaned up");
    system(command);
    CHECK(!"cancelled");
    pthread_cleanup_pop(0);
    return NULL;
}

static void read_shell(void)
{
    char line[32] = "";
    for (char *end = line; end == line || end[-1] != '\n'; end++)
        *end = take(at_it[0]);
    shell = (pid_t)atoi(line);
    CHECK(shell > 1);
}

int main(void)
{
    struct sigaction action;
    CHECK(pipe2(at_it, O_CLOEXEC) == 0 && dup2(at_it[1], AT_IT) == AT_IT);
    for (int i = 0; i < 5; i++) {
        pthread_t thread = start(run, "echo $$ >&9; kill -STOP $$");
        cleanups[0] = '\0';
        read_shell();
        others_run();
        CHECK(pthread_cancel(thread) == 0 && join(thread) == PTHREAD_CANCELED);
        CHECK(kill(shell, 0) == -1 && errno == ESRCH);
        CHECK(wait(NULL) == -1 && errno == ECHILD);
        CHECK(sigaction(SIGINT, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
        CHECK(sigaction(SIGQUIT, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
        printf("cancelled,%s, no child is left\n", cleanups);
    }
    return 0;
}
