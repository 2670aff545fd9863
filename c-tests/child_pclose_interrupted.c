/* A signal handler without SA_RESTART runs during pclose(3), which goes on:
 * popen(3), signal(7).
 */
#include "lib/beside.h"

enum { GO = 8, AT_IT = 9 };

static int go[2], at_it[2];
static volatile sig_atomic_t handled;
static pthread_t caller;

static void handle(int signal)
{
    (void)signal;
    handled = 1;
}

static void *open_and_close(void *unused)
{
    caller = pthread_self();
    FILE *command = popen("echo x >&9; read word <&8; exit 7", "w");
    CHECK(command);
    int status = pclose(command);
    printf("pclose: exit %d\n", WEXITSTATUS(status));
    return unused;
}

static void at_command(void *unused)
{
    (void)unused;
    CHECK(take(at_it[0]) == 'x' && take(at_it[0]) == '\n');
}

static void interrupt(void *unused)
{
    (void)unused;
    CHECK(pthread_kill(caller, SIGUSR1) == 0);
    while (!handled)
        others_run();
    puts("pclose: a handler ran meanwhile");
    CHECK(write(go[1], "go\n", 3) == 3);
}

int main(void)
{
    struct sigaction action = { .sa_handler = handle };
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(pipe2(go, O_CLOEXEC) == 0 && dup2(go[0], GO) == GO);
    CHECK(pipe2(at_it, O_CLOEXEC) == 0 && dup2(at_it[1], AT_IT) == AT_IT);
    beside("pclose", open_and_close, at_command, interrupt, NULL);
    return 0;
}
