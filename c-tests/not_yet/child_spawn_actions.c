/* posix_spawn(3) comes back when the new program has begun. Until then it stops
 * the calling thread alone, however slow a file that it opens for the child.
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

int main(void)
{
    struct opening calls[] = { { "posix_spawn, a file", slow, open_slow, 0 } };
    int file = mkostemp(slow, O_CLOEXEC);
    CHECK(file >= 0);
    write_all(file, "hello\n", 6);
    CHECK(close(file) == 0);
    make_slow_openings(calls, COUNT(calls));
    CHECK(unlink(slow) == 0);
    return 0;
}
