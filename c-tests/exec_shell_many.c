/* Twenty threads use system, popen for reading and popen for writing at once, while others
 * wait: each gets its own command's status and its own lines, no command holds another's
 * pipe open, so that each sees its end, and no child is left over: system(3), popen(3).
 */
#include "lib/check.h"

enum { THREADS = 20, ROUNDS = 2 };

static int ends[2];

static void *use_shell(void *argument)
{
    long number = (long)argument;
    char command[100], line[64], wanted[64];
    for (int round = 0; round < ROUNDS; round++) {
        snprintf(command, sizeof command, "exit %ld", number);
        int status = system(command);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == number);

        snprintf(command, sizeof command, "echo line %ld; echo round %d; exit %ld", number, round, number + 1);
        FILE *stream = popen(command, round ? "r" : "re");
        CHECK(stream);
        snprintf(wanted, sizeof wanted, "line %ld\n", number);
        CHECK(fgets(line, sizeof line, stream) && strcmp(line, wanted) == 0);
        snprintf(wanted, sizeof wanted, "round %d\n", round);
        CHECK(fgets(line, sizeof line, stream) && strcmp(line, wanted) == 0);
        CHECK(fgets(line, sizeof line, stream) == NULL && feof(stream));
        status = pclose(stream);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == number + 1);

        /* cat ends when nobody has the pipe open any more. */
        stream = popen("read a b; cat >/dev/null; exit $b", "w");
        CHECK(stream && fprintf(stream, "x %ld\nmore\n", number + 2) > 0);
        status = pclose(stream);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == number + 2);
    }
    return argument;
}

static void *in_read(void *unused)
{
    CHECK(take(ends[0]) == 'x');
    return unused;
}

int main(void)
{
    pthread_t threads[THREADS];
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    pthread_t reader = start(in_read, NULL);
    for (long i = 0; i < THREADS; i++)
        threads[i] = start(use_shell, (void *)i);
    others_run();
    for (int i = 0; i < THREADS; i++)
        CHECK(join(threads[i]) == (void *)(long)i);
    CHECK(wait(NULL) == -1 && errno == ECHILD);
    CHECK(pthread_tryjoin_np(reader, NULL) == EBUSY);
    give(ends[1], 'x');
    join(reader);
    printf("%d threads ran %d commands each\n", THREADS, 3 * ROUNDS);
    return 0;
}
