/* A signal handler without SA_RESTART runs during pclose(3), which goes on:
 * popen(3), signal(7).
 */
#include "lib/beside.h"
#include "lib/command.h"

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

static void interrupt(void *unused)
{
    CHECK(pthread_kill(caller, SIGUSR1) == 0);
    while (!handled)
        others_run();
    puts("pclose: a handler ran meanwhile");
    let_go(unused);
}

int main(void)
{
    struct sigaction action = { .sa_handler = handle };
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    open_command_pipes();
    beside("pclose", open_and_close, at_command, interrupt, NULL);
    return 0;
}
