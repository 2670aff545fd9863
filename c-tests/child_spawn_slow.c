/* posix_spawn(3) comes back when the new program has begun. Until then it stops
 * the calling thread alone, however slow the program, or the interpreter that it
 * names.
 */
#include "lib/slow_file.h"
#include <spawn.h>

extern char **environ;
static char slow[] = "/tmp/check-XXXXXX", script[] = "/tmp/check-XXXXXX";

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

/* The script is at once there. */
static void run_script(void)
{
    char *const words[] = { script, NULL };
    pid_t child;
    int error = posix_spawn(&child, script, NULL, NULL, words, environ);
    printf("a slow interpreter: %s\n", errno_name(error));
}

int main(void)
{
    struct opening calls[] = {
        { "posix_spawn, a program", slow, run_slow, 0 },
        { "posix_spawnp, a program", slow, run_slow_by_name, 0 },
        { "posix_spawn, an interpreter", slow, run_script, 0 },
    };
    int file = mkostemp(slow, O_CLOEXEC);
    CHECK(file >= 0);
    write_all(file, "hello\n", 6);
    CHECK(fchmod(file, 0755) == 0 && close(file) == 0);
    CHECK((file = mkostemp(script, O_CLOEXEC)) >= 0);
    CHECK(dprintf(file, "#!%s\n", slow) > 0);
    CHECK(fchmod(file, 0755) == 0 && close(file) == 0);
    make_slow_openings(calls, COUNT(calls));
    CHECK(unlink(slow) == 0 && unlink(script) == 0);
    return 0;
}
