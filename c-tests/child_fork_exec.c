/* Threads that fork, or vfork, and exec at once, while others wait in read, for a
 * mutex and for a condition: each gets the end of its own child, and the waiting
 * ones are not disturbed: fork(2), vfork(2), execve(2).
 */
#include "lib/crowd.h"

enum { THREADS = 8, ROUNDS = 5 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, own = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int ends[2], open_now;

static void *in_read(void *unused)
{
    CHECK(take(ends[0]) == 'x');
    return unused;
}

static void *in_lock(void *unused)
{
    CHECK(pthread_mutex_lock(&mutex) == 0 && pthread_mutex_unlock(&mutex) == 0);
    return unused;
}

static void *in_wait(void *unused)
{
    CHECK(pthread_mutex_lock(&own) == 0);
    while (!open_now)
        CHECK(pthread_cond_wait(&condition, &own) == 0);
    CHECK(pthread_mutex_unlock(&own) == 0);
    return unused;
}

static int end_of(pid_t child)
{
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void by_fork(const char *command, int status)
{
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(99);
    }
    CHECK(end_of(child) == status);
}

static void by_vfork(const char *command, int status)
{
    char *const words[] = { "sh", "-c", (char *)command, NULL };
    pid_t child = vfork();
    if (child == 0) {
        execvp("sh", words);
        _exit(99);
    }
    CHECK(end_of(child) == status);
}

static void by_vfork_alone(int status)
{
    pid_t child = vfork();
    if (child == 0)
        _exit(status);
    CHECK(end_of(child) == status);
}

static void by_vfork_failing(void)
{
    volatile int error = 0;
    pid_t child = vfork();
    if (child == 0) {
        execl("/nonexistent", "nonexistent", (char *)NULL);
        error = errno;
        _exit(98);
    }
    CHECK(end_of(child) == 98 && error == ENOENT);
}

/* A child of one thread that goes on without exec, with a thread of its own. */
static void by_fork_and_thread(int status)
{
    pid_t child = fork();
    if (child == 0) {
        others_run();
        _exit(status);
    }
    CHECK(end_of(child) == status);
}

static void *make_children(void *number)
{
    int status = (int)(long)number;
    char command[32];
    snprintf(command, sizeof command, "exit %d", status);
    for (int i = 0; i < ROUNDS; i++) {
        by_fork(command, status);
        by_vfork(command, status);
        by_vfork_alone(status);
        by_vfork_failing();
        by_fork_and_thread(status);
    }
    return NULL;
}

int main(void)
{
    thread_body *waits[] = { in_read, in_lock, in_wait };
    pthread_t waiting[COUNT(waits)];
    CHECK(pipe(ends) == 0 && pthread_mutex_lock(&mutex) == 0);
    for (size_t i = 0; i < COUNT(waits); i++)
        waiting[i] = start(waits[i], NULL);
    others_run();
    run_numbered(THREADS, make_children);
    printf("%d threads had %d children each\n", THREADS, 5 * ROUNDS);
    CHECK(wait(NULL) == -1 && errno == ECHILD);
    for (size_t i = 0; i < COUNT(waits); i++)
        CHECK(pthread_tryjoin_np(waiting[i], NULL) == EBUSY);

    give(ends[1], 'x');
    CHECK(pthread_mutex_unlock(&mutex) == 0 && pthread_mutex_lock(&own) == 0);
    open_now = 1;
    CHECK(pthread_cond_signal(&condition) == 0 && pthread_mutex_unlock(&own) == 0);
    for (size_t i = 0; i < COUNT(waits); i++)
        join(waiting[i]);
    puts("the others waited on");
    return 0;
}
