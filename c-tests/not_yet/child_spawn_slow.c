/* posix_spawn(3) comes back when the new program has begun. Until then it stops
 * the calling thread alone, however slow the program or a file that it opens for
 * the child.
 */
#include "lib/slow_file.h"
#include <spawn.h>

extern char **environ;
static char slow[] = "/tmp/check-XXXXXX";

static void open_slow(void)
{
    char *const words[] = { "sh", "-c", "read word && test $word = hello && exit 3", NULL };
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status;
    CHECK(posix_spawn_file_actions_init(&actions) == 0);
    CHECK(posix_spawn_file_actions_addopen(&actions, 0, slow, O_RDONLY, 0) == 0);
    CHECK(posix_spawn(&child, "/bin/sh", &actions, NULL, words, environ) == 0);
    CHECK(waitpid(child, &status, 0) == child);
    printf("a slow file: exit %d\n", WEXITSTATUS(status));
    posix_spawn_file_actions_destroy(&actions);
}

static void run_slow(void)
{
    char *const words[] = { slow, NULL };
    pid_t child;
    int error = posix_spawn(&child, slow, NULL, NULL, words, environ);
    printf("a slow program: %s\n", errno_name(error));
}

static void run_slow_by_name(void)
{
    char *const words[] = { slow, NULL };
    pid_t child;
    int error = posix_spawnp(&child, slow, NULL, NULL, words, environ);
    printf("a slow program, posix_spawnp: %s\n", errno_name(error));
}

int main(void)
{
    struct opening calls[] = {
        { "posix_spawn, a file", slow, open_slow, 0 },
        { "posix_spawn, a program", slow, run_slow, 0 },
        { "posix_spawnp, a program", slow, run_slow_by_name, 0 },
    };
    int file = mkostemp(slow, O_CLOEXEC);
    CHECK(file >= 0);
    write_all(file, "hello\n", 6);
    CHECK(fchmod(file, 0755) == 0 && close(file) == 0);
    make_slow_openings(calls, COUNT(calls));
    CHECK(unlink(slow) == 0);
    return 0;
}
