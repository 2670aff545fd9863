/* Threads run this program again, which has threads itself: by fork and exec, by vfork
 * and exec, by posix_spawn, eight threads at once while others wait in read, for a
 * condition and on a full pipe. Each gets the status of its own child, each child has
 * run its threads and its exit handlers once: execve(2), vfork(2), posix_spawn(3).
 */
#include "lib/check.h"
#include <spawn.h>

enum { THREADS = 8, ROUNDS = 3, ANSWER = 9 };

extern char **environ;

static char program[PATH_MAX];
static int answers[2], ends[2], full[2], go;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

/* ---- the child ---------------------------------------------------------------------- */

static int counted;

static void at_exit(void) { CHECK(counted == 400 && write(ANSWER, "x", 1) == 1); }

static void *count(void *unused)
{
    for (int i = 0; i < 100; i++) {
        CHECK(pthread_mutex_lock(&mutex) == 0);
        int seen = counted;
        sched_yield();
        counted = seen + 1;
        CHECK(pthread_mutex_unlock(&mutex) == 0);
    }
    return unused;
}

static int be_child(const char *status)
{
    pthread_t threads[4];
    CHECK(atexit(at_exit) == 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        threads[i] = start(count, NULL);
    others_run();
    for (size_t i = 0; i < COUNT(threads); i++)
        join(threads[i]);
    return atoi(status);
}

/* ---- the parent --------------------------------------------------------------------- */

static void *in_read(void *unused)
{
    CHECK(take(ends[0]) == 'x');
    return unused;
}

static void *in_cond(void *unused)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    while (!go)
        CHECK(pthread_cond_wait(&condition, &mutex) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return unused;
}

static void *in_write(void *unused)
{
    static const char bytes[200000];
    write_all(full[1], bytes, sizeof bytes);
    return unused;
}

static pid_t by_fork(char **arguments)
{
    pid_t child = fork();
    if (child == 0) {
        execve(program, arguments, environ);
        _exit(99);
    }
    return child;
}

static pid_t by_fork_after_threads(char **arguments)
{
    pid_t child = fork();
    if (child == 0) {
        others_run();
        execl(program, arguments[0], arguments[1], arguments[2], (char *)NULL);
        _exit(99);
    }
    return child;
}

static pid_t by_vfork(char **arguments)
{
    pid_t child = vfork();
    if (child == 0) {
        execv(program, arguments);
        _exit(99);
    }
    return child;
}

static pid_t by_spawn(char **arguments)
{
    pid_t child;
    CHECK(posix_spawn(&child, program, NULL, NULL, arguments, environ) == 0);
    return child;
}

static pid_t (*const ways[])(char **) = {
    by_fork, by_fork_after_threads, by_vfork, by_spawn,
};

static void *run_children(void *number)
{
    for (int i = 0; i < ROUNDS; i++)
        for (size_t way = 0; way < COUNT(ways); way++) {
            char text[16];
            char *arguments[] = { program, (char *)"child", text, NULL };
            int status, wanted = 1 + (int)(long)number * 10 + (int)way;
            snprintf(text, sizeof text, "%d", wanted);
            pid_t child = ways[way](arguments);
            CHECK(child > 0 && waitpid(child, &status, 0) == child);
            CHECK(WIFEXITED(status) && WEXITSTATUS(status) == wanted);
        }
    return NULL;
}

int main(int argc, char **argv)
{
    static char bytes[200000];
    thread_body *const waits[] = { in_read, in_cond, in_write };
    pthread_t waiting[COUNT(waits)], threads[THREADS];
    if (argc > 2 && strcmp(argv[1], "child") == 0)
        return be_child(argv[2]);
    CHECK(readlink("/proc/self/exe", program, sizeof program - 1) > 0);
    CHECK(pipe2(answers, O_CLOEXEC) == 0 && dup2(answers[1], ANSWER) == ANSWER);
    CHECK(pipe2(ends, O_CLOEXEC) == 0 && pipe2(full, O_CLOEXEC) == 0);
    for (size_t i = 0; i < COUNT(waits); i++)
        waiting[i] = start(waits[i], NULL);
    others_run();
    for (long i = 0; i < THREADS; i++)
        threads[i] = start(run_children, (void *)i);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    CHECK(wait(NULL) == -1 && errno == ECHILD);
    CHECK(close(ANSWER) == 0 && close(answers[1]) == 0);
    printf("%zu children ran to their ends\n", read_all(answers[0], bytes, sizeof bytes));

    for (size_t i = 0; i < COUNT(waits); i++)
        CHECK(pthread_tryjoin_np(waiting[i], NULL) == EBUSY);
    give(ends[1], 'x');
    CHECK(pthread_mutex_lock(&mutex) == 0);
    go = 1;
    CHECK(pthread_cond_signal(&condition) == 0 && pthread_mutex_unlock(&mutex) == 0);
    CHECK(read_all(full[0], bytes, sizeof bytes) == sizeof bytes);
    for (size_t i = 0; i < COUNT(waits); i++)
        join(waiting[i]);
    return 0;
}
