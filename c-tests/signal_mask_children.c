/*
 * signal_mask_children: a new process starts with the signal mask of the
 * thread that made it, whichever function made it, and no thread's mask is
 * changed by that; posix_spawn can give another one.  Children are this
 * program again: they print what they have blocked.
 * Follows signal(7), execve(2), posix_spawn(3), system(3), popen(3).
 */
#include "lib/check.h"

#include <spawn.h>

extern char **environ;
static char program[PATH_MAX];
static char command[PATH_MAX + 40];
static char *arguments[] = { program, (char *)"show", NULL };
static pthread_barrier_t turn;

static const char *names_in(const sigset_t *set, char *text)
{
    static const int numbers[] = { SIGHUP, SIGUSR1, SIGUSR2, SIGTERM, SIGPIPE, SIGCHLD, SIGINT };
    text[0] = 0;
    for (size_t i = 0; i < COUNT(numbers); i++)
        if (sigismember(set, numbers[i]))
            strcat(strcat(text, " "), sigabbrev_np(numbers[i]));
    if (sigismember(set, SIGRTMIN))
        strcat(text, " RTMIN");
    return text;
}

static const char *own_mask(char *text)
{
    sigset_t mask;
    CHECK(sigprocmask(SIG_BLOCK, NULL, &mask) == 0);
    return names_in(&mask, text);
}

static void block(int first, int second)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, first);
    sigaddset(&set, second);
    CHECK(pthread_sigmask(SIG_SETMASK, &set, NULL) == 0);
}

/* Each way makes a child and answers its status as waitpid does. */
static int wait_for(pid_t child)
{
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return status;
}

static int by_spawn(void)
{
    pid_t child;
    CHECK(posix_spawn(&child, program, NULL, NULL, arguments, environ) == 0);
    return wait_for(child);
}

static int by_spawnp(void)
{
    pid_t child;
    CHECK(posix_spawnp(&child, program, NULL, NULL, arguments, environ) == 0);
    return wait_for(child);
}

static int by_spawn_with_mask(void)
{
    pid_t child;
    sigset_t set;
    posix_spawnattr_t attr;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    CHECK(posix_spawnattr_init(&attr) == 0);
    CHECK(posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK) == 0);
    CHECK(posix_spawnattr_setsigmask(&attr, &set) == 0);
    CHECK(posix_spawn(&child, program, NULL, &attr, arguments, environ) == 0);
    CHECK(posix_spawnattr_destroy(&attr) == 0);
    return wait_for(child);
}

static int by_system(void)
{
    return system(command);
}

static int by_popen(void)
{
    char line[200] = "";
    FILE *pipe = popen(command, "r");
    CHECK(pipe && fgets(line, sizeof line, pipe));
    fputs(line, stdout);
    return pclose(pipe);
}

static int by_vfork(void)
{
    pid_t child = vfork();
    if (child == 0) {
        execve(program, arguments, environ);
        _exit(127);
    }
    return wait_for(child);
}

#define BY_FORK(name, replace)                  \
    static int name(void)                       \
    {                                           \
        pid_t child = fork();                   \
        if (child == 0) {                       \
            replace;                            \
            _exit(127);                         \
        }                                       \
        return wait_for(child);                 \
    }

BY_FORK(by_execv, execv(program, arguments))
BY_FORK(by_execvp, execvp(program, arguments))
BY_FORK(by_execl, execl(program, program, "show", (char *)NULL))
BY_FORK(by_fexecve, fexecve(open(program, O_RDONLY | O_CLOEXEC), arguments, environ))

/* No new program: what the child itself sees. */
BY_FORK(by_fork, char text[200]; printf("%s\n", own_mask(text)); _exit(0))

static const struct {
    const char *name;
    int (*make)(void);
} ways[] = {
    { "posix_spawn", by_spawn }, { "posix_spawnp", by_spawnp },
    { "posix_spawn, SETSIGMASK INT", by_spawn_with_mask },
    { "system", by_system }, { "popen", by_popen }, { "vfork, execve", by_vfork },
    { "fork", by_fork }, { "fork, execv", by_execv }, { "fork, execvp", by_execvp },
    { "fork, execl", by_execl }, { "fork, fexecve", by_fexecve },
};

static void make_children(const char *who)
{
    char before[200], after[200];
    own_mask(before);
    for (size_t i = 0; i < COUNT(ways); i++) {
        printf("%s, %s:", who, ways[i].name);
        CHECK(ways[i].make() == 0);
        CHECK(strcmp(before, own_mask(after)) == 0);
    }
}

/* Others wait in the barrier with other masks meanwhile. */
static void *be_other(void *unused)
{
    char text[200];
    block(SIGTERM, SIGRTMIN);
    pthread_barrier_wait(&turn);
    make_children("other");
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    CHECK(strcmp(own_mask(text), " TERM RTMIN") == 0);
    return unused;
}

static void *block_pipe(void *unused)
{
    char text[200];
    block(SIGPIPE, SIGPIPE);
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    make_children("blocks PIPE");
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    CHECK(strcmp(own_mask(text), " PIPE") == 0);
    return unused;
}

/* Several threads make children at once. */
static void *make_at_once(void *signal)
{
    char own[200], line[200];
    int number = *(int *)signal;
    block(number, number);
    own_mask(own);
    strcat(own, "\n");
    pthread_barrier_wait(&turn);
    for (int i = 0; i < 4; i++) {
        FILE *pipe = popen(command, "r");
        CHECK(pipe && fgets(line, sizeof line, pipe));
        CHECK(strcmp(own, line) == 0);
        CHECK(pclose(pipe) == 0);
    }
    return NULL;
}

int main(int count, char **given)
{
    char text[200];
    if (count > 1 && strcmp(given[1], "show") == 0) {
        printf("%s\n", own_mask(text));
        return 0;
    }
    /* Parent and children write in turn. */
    setvbuf(stdout, NULL, _IONBF, 0);
    CHECK(readlink("/proc/self/exe", program, sizeof program - 1) > 0);
    snprintf(command, sizeof command, "exec '%s' show", program);

    block(SIGUSR1, SIGHUP);
    CHECK(pthread_barrier_init(&turn, NULL, 3) == 0);
    pthread_t other = start(be_other, NULL), pipe_blocker = start(block_pipe, NULL);
    pthread_barrier_wait(&turn);        /* all have their masks */
    pthread_barrier_wait(&turn);        /* other has finished */
    pthread_barrier_wait(&turn);        /* block_pipe has */
    make_children("main");
    pthread_barrier_wait(&turn);
    join(other);
    join(pipe_blocker);
    pthread_barrier_destroy(&turn);

    static int numbers[] = { SIGUSR1, SIGUSR2, SIGTERM, SIGPIPE };
    pthread_t threads[COUNT(numbers)];
    CHECK(pthread_barrier_init(&turn, NULL, COUNT(numbers)) == 0);
    for (size_t i = 0; i < COUNT(numbers); i++)
        threads[i] = start(make_at_once, &numbers[i]);
    for (size_t i = 0; i < COUNT(numbers); i++)
        join(threads[i]);
    printf("at once: each its own; main, at the end:%s\n", own_mask(text));
    return 0;
}
