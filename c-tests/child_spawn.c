/* File actions, attributes and error numbers of posix_spawn(3) in threads, and
 * children that many threads spawn at once.
 */
#include "lib/crowd.h"
#include <spawn.h>

enum { THREADS = 8, ROUNDS = 5 };

extern char **environ;

/* Runs `command` by the shell and tells its end. */
static void spawn(const char *what, const char *command, const posix_spawn_file_actions_t *actions,
                  const posix_spawnattr_t *attributes)
{
    char *const words[] = { "sh", "-c", (char *)command, NULL };
    pid_t child;
    int status, error = posix_spawn(&child, "/bin/sh", actions, attributes, words, environ);
    if (error != 0) {
        printf("%s: %s\n", what, errno_name(error));
        return;
    }
    CHECK(waitpid(child, &status, 0) == child);
    printf("%s: %s\n", what, how_it_ended(status));
}

static void *file_actions(void *unused)
{
    posix_spawn_file_actions_t actions;
    int ends[2];
    CHECK(pipe2(ends, O_CLOEXEC) == 0);
    CHECK(posix_spawn_file_actions_init(&actions) == 0);
    CHECK(posix_spawn_file_actions_addopen(&actions, 9, "/dev/null", O_WRONLY, 0) == 0);
    CHECK(posix_spawn_file_actions_adddup2(&actions, ends[1], 8) == 0);
    CHECK(posix_spawn_file_actions_addclose(&actions, 0) == 0);
    CHECK(posix_spawn_file_actions_addchdir_np(&actions, "/proc/self") == 0);
    spawn("actions", "echo x >&9; echo y >&8; test -e status && ! test -e /proc/self/fd/0",
          &actions, NULL);
    CHECK(take(ends[0]) == 'y');
    CHECK(posix_spawn_file_actions_adddup2(&actions, 999, 1) == 0);
    spawn("bad descriptor", "exit 0", &actions, NULL);
    posix_spawn_file_actions_destroy(&actions);
    CHECK(posix_spawn_file_actions_init(&actions) == 0);
    CHECK(posix_spawn_file_actions_addopen(&actions, 1, "/nonexistent", O_RDONLY, 0) == 0);
    spawn("no file", "exit 0", &actions, NULL);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[0]), close(ends[1]);
    return unused;
}

static void *attributes(void *unused)
{
    posix_spawnattr_t attr;
    sigset_t set;
    CHECK(posix_spawnattr_init(&attr) == 0);
    CHECK(sigemptyset(&set) == 0 && sigaddset(&set, SIGTERM) == 0);
    CHECK(signal(SIGTERM, SIG_IGN) != SIG_ERR);
    spawn("SIGTERM ignored", "kill -TERM $$; exit 6", NULL, &attr);
    CHECK(posix_spawnattr_setsigdefault(&attr, &set) == 0);
    CHECK(posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP) == 0);
    spawn("SIGTERM default, own group", "kill -TERM 0; exit 6", NULL, &attr);
    CHECK(signal(SIGTERM, SIG_DFL) != SIG_ERR);

    char *const words[] = { "grep", "-q", "^SigBlk:.*0000000000004000$", "/proc/self/status", NULL };
    pid_t child;
    int status;
    CHECK(posix_spawnattr_setsigmask(&attr, &set) == 0);
    CHECK(posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK) == 0);
    CHECK(posix_spawnp(&child, "grep", NULL, &attr, words, environ) == 0);
    CHECK(waitpid(child, &status, 0) == child);
    printf("SIGTERM blocked: %s\n", how_it_ended(status));
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    CHECK(posix_spawnp(&child, "grep", NULL, NULL, words, environ) == 0);
    CHECK(waitpid(child, &status, 0) == child);
    printf("SIGTERM blocked by the thread: %s\n", how_it_ended(status));

    CHECK(posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID) == 0);
    spawn("own session", "test \"$(cut -d' ' -f6 /proc/$$/stat)\" = $$", NULL, &attr);
    posix_spawnattr_destroy(&attr);

    char *const nothing[] = { "nothing", NULL };
    printf("posix_spawn, no program: %s\n",
           errno_name(posix_spawn(&child, "/nonexistent", NULL, NULL, nothing, environ)));
    printf("posix_spawnp, no program: %s\n",
           errno_name(posix_spawnp(&child, "no such command", NULL, NULL, nothing, environ)));
    printf("posix_spawn, a directory: %s\n",
           errno_name(posix_spawn(&child, "/tmp", NULL, NULL, nothing, environ)));
    return unused;
}

static void *one_of_many(void *number)
{
    char command[32];
    char *const words[] = { "sh", "-c", command, NULL };
    snprintf(command, sizeof command, "exit %ld", (long)number);
    for (int i = 0; i < ROUNDS; i++) {
        pid_t child;
        int status;
        CHECK(posix_spawnp(&child, "sh", NULL, NULL, words, environ) == 0);
        CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == (long)number);
    }
    return NULL;
}

int main(void)
{
    join(start(file_actions, NULL));
    join(start(attributes, NULL));
    run_numbered(THREADS, one_of_many);
    printf("%d at once\n", THREADS);
    return 0;
}
