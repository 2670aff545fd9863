/* Waiting for a command's output, for room to its input and for its end, by
 * popen() and pclose(), parks only the thread: popen(3).
 */
#include "lib/check.h"

enum { GATE = 9, LINES = 20000 };

static void *read_command(void *unused)
{
    char line[64];
    FILE *command = popen("read word <&9; echo said $word; exit 3", "r");
    CHECK(command);
    CHECK(fgets(line, sizeof line, command));
    CHECK(strcmp(line, "said hello\n") == 0);
    CHECK(fgets(line, sizeof line, command) == NULL && feof(command));
    int status = pclose(command);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    return unused;
}

/* The command reads nothing until the gate opens. */
static void *write_command(void *unused)
{
    FILE *command = popen("read word <&9; test $(wc -l) = 20000", "w");
    CHECK(command);
    for (int i = 0; i < LINES; i++)
        CHECK(fprintf(command, "line %d\n", i) > 0);
    CHECK(pclose(command) == 0);
    return unused;
}

static void *wait_in_pclose(void *unused)
{
    FILE *command = popen("read word <&9", "w");
    CHECK(command && pclose(command) == 0);
    return unused;
}

int main(void)
{
    thread_body *bodies[] = { read_command, write_command, wait_in_pclose };
    const char *names[] = { "output", "input", "end" };
    int gate[2];
    CHECK(pipe2(gate, O_CLOEXEC) == 0 && dup2(gate[0], GATE) == GATE);
    for (size_t i = 0; i < COUNT(bodies); i++) {
        pthread_t thread = start(bodies[i], NULL);
        others_run();
        CHECK(write(gate[1], "hello\n", 6) == 6);
        join(thread);
        printf("%s of a command\n", names[i]);
    }
    return 0;
}
