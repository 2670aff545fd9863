/* Attributes and file actions of posix_spawn, set by several threads at once, each with
 * its own: process group, session, signal mask and defaults, reset ids, USEVFORK and
 * scheduling; actions are done in order, and see what earlier ones have done. The child is
 * this program again: it prints what it finds: posix_spawn(3).
 */
#include "lib/check.h"
#include <sched.h>
#include <spawn.h>

enum { THREADS = 4, ROUNDS = 3 };

extern char **environ;
static char program[PATH_MAX];
static int never[2];

/* ---- the child -------------------------------------------------------------------- */

static int be_child(void)
{
    struct sigaction action;
    sigset_t mask;
    char line[200];
    int own_group = getpgrp() == getpid(), own_session = getsid(0) == getpid();
    CHECK(sigprocmask(SIG_BLOCK, NULL, &mask) == 0);
    printf("group %s, session %s, ids %s, policy %s, blocked", own_group ? "own" : "inherited",
           own_session ? "own" : "inherited",
           getuid() == geteuid() && getgid() == getegid() ? "equal" : "different",
           sched_getscheduler(0) == SCHED_OTHER ? "other" : "special");
    for (int number = 1; number < NSIG; number++)
        if (sigismember(&mask, number) == 1)
            printf(" %d", number);
    printf(", ignored");
    for (int number = 1; number < NSIG; number++)
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
            printf(" %d", number);
    printf(", descriptors");
    for (int fd = 3; fd < 100; fd++)
        if (fcntl(fd, F_GETFD) != -1)
            printf(" %d", fd);
    puts("");
    FILE *name = fdopen(7, "r");
    if (name && fgets(line, sizeof line, name))
        printf("  read: %s", line);
    fflush(stdout);
    others_run();
    return 4;
}

/* ---- the parent --------------------------------------------------------------------- */

struct way {
    const char *name;
    short flags;
    int blocked, with_actions;
};

static const struct way ways[] = {
    { "nothing", 0, 0, 0 },
    { "process group", POSIX_SPAWN_SETPGROUP, 0, 0 },
    { "session", POSIX_SPAWN_SETSID, 0, 0 },
    { "mask", POSIX_SPAWN_SETSIGMASK, SIGUSR2, 0 },
    { "defaults", POSIX_SPAWN_SETSIGDEF, 0, 0 },
    { "ids, vfork", POSIX_SPAWN_RESETIDS | POSIX_SPAWN_USEVFORK, 0, 0 },
    { "scheduler", POSIX_SPAWN_SETSCHEDULER, 0, 0 },
    { "actions", 0, 0, 1 },
    { "all", POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
             | POSIX_SPAWN_RESETIDS | POSIX_SPAWN_USEVFORK | POSIX_SPAWN_SETSCHEDULER, SIGHUP, 1 },
};

/* Redirects a file of its own in several steps; 9 is only there in between. */
static void add_actions(posix_spawn_file_actions_t *actions)
{
    CHECK(posix_spawn_file_actions_addopen(actions, 9, "/proc/self/comm", O_RDONLY, 0) == 0);
    CHECK(posix_spawn_file_actions_adddup2(actions, 9, 7) == 0);
    CHECK(posix_spawn_file_actions_addclose(actions, 9) == 0);
    CHECK(posix_spawn_file_actions_addchdir_np(actions, "/proc/self/fdinfo") == 0);
    CHECK(posix_spawn_file_actions_addopen(actions, 6, "7", O_RDONLY, 0) == 0);
    CHECK(posix_spawn_file_actions_addclose(actions, 6) == 0);
    CHECK(posix_spawn_file_actions_addclosefrom_np(actions, 8) == 0);
}

static void spawn(const struct way *way, char *text, size_t size)
{
    posix_spawnattr_t attr;
    posix_spawn_file_actions_t actions;
    struct sched_param zero = { 0 };
    sigset_t set;
    int status, wire[2];
    pid_t child;
    char *arguments[] = { program, (char *)"child", NULL };
    CHECK(pipe2(wire, O_CLOEXEC) == 0);
    CHECK(posix_spawnattr_init(&attr) == 0 && posix_spawn_file_actions_init(&actions) == 0);
    CHECK(posix_spawnattr_setflags(&attr, way->flags) == 0);
    sigemptyset(&set);
    if (way->blocked)
        sigaddset(&set, way->blocked);
    CHECK(posix_spawnattr_setsigmask(&attr, &set) == 0);
    sigemptyset(&set), sigaddset(&set, SIGTERM), sigaddset(&set, SIGUSR1);
    CHECK(posix_spawnattr_setsigdefault(&attr, &set) == 0);
    CHECK(posix_spawnattr_setschedpolicy(&attr, SCHED_OTHER) == 0);
    CHECK(posix_spawnattr_setschedparam(&attr, &zero) == 0);
    CHECK(posix_spawn_file_actions_adddup2(&actions, wire[1], 1) == 0);
    if (way->with_actions)
        add_actions(&actions);
    CHECK(posix_spawn(&child, program, &actions, &attr, arguments, environ) == 0);
    CHECK(close(wire[1]) == 0);
    size_t got = read_all(wire[0], text, size - 1);
    text[got] = '\0';
    CHECK(close(wire[0]) == 0);
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 4);
    CHECK(posix_spawnattr_destroy(&attr) == 0 && posix_spawn_file_actions_destroy(&actions) == 0);
}

/* Each begins elsewhere in the table. */
static void *spawn_all(void *number)
{
    static char first[COUNT(ways)][400];
    char text[400];
    sigset_t winch;
    sigemptyset(&winch), sigaddset(&winch, SIGWINCH);
    CHECK(pthread_sigmask(SIG_SETMASK, &winch, NULL) == 0);
    for (int round = 0; round < (number ? ROUNDS : 1); round++)
        for (size_t i = 0; i < COUNT(ways); i++) {
            size_t at = (i + 3 * (size_t)(long)number) % COUNT(ways);
            spawn(&ways[at], text, sizeof text);
            if (number)
                CHECK(strcmp(text, first[at]) == 0);
            else
                printf("%s: %s", ways[at].name, strcpy(first[at], text));
        }
    return NULL;
}

static void *in_read(void *unused)
{
    CHECK(take(never[0]) == 'x');
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    CHECK(readlink("/proc/self/exe", program, sizeof program - 1) > 0);
    if (argc > 1 && strcmp(argv[1], "child") == 0)
        return be_child();
    closefrom(3);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    CHECK(signal(SIGTERM, SIG_IGN) != SIG_ERR && signal(SIGHUP, SIG_IGN) != SIG_ERR);
    CHECK(pipe2(never, O_CLOEXEC) == 0);
    pthread_t reader = start(in_read, NULL);
    join(start(spawn_all, NULL));
    for (long i = 0; i < THREADS; i++)
        threads[i] = start(spawn_all, (void *)(i + 1));
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    printf("%d threads at once: the same\n", THREADS);
    give(never[1], 'x');
    join(reader);
    return 0;
}
