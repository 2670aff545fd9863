/* Children made by clone(2) in threads, on stacks of their own, while others wait: with
 * CLONE_VM and CLONE_VFORK, as libraries that spawn do, which exec or exit and whose
 * failing exec is seen in the parent's memory; and with no memory shared, which write,
 * tell by a pipe and exit or exec. The makers and those who wait go on: clone(2).
 */
#include "lib/crowd.h"
#include <sched.h>
#include <sys/mman.h>

enum { THREADS = 6, ROUNDS = 5, STACK = 256 << 10 };

extern char **environ;

static int ends[2];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

struct task { int status, seen, wire; const char *path; };

static int exec_or_tell(void *argument)
{
    struct task *task = argument;
    char text[32] = "exit ";
    char *arguments[] = { (char *)"sh", (char *)"-c", text, NULL };
    size_t length = 5;
    for (int rest = task->status, digit = 100; digit > 0; digit /= 10)
        text[length++] = (char)('0' + rest / digit % 10);
    execve(task->path, arguments, environ);
    task->seen = errno;
    _exit(42);
}

static int exit_at_once(void *argument)
{
    struct task *task = argument;
    task->seen = 77;
    _exit(task->status);
}

static int copy_and_tell(void *argument)
{
    struct task *task = argument;
    char word = 'c';
    task->seen = 55;
    if (write(task->wire, &word, 1) != 1)
        _exit(99);
    return task->status;
}

static char *stack_of(void)
{
    char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    CHECK(stack != MAP_FAILED);
    return stack;
}

static int status_of(int (*body)(void *), int flags, struct task *task)
{
    int status;
    char *stack = stack_of();
    pid_t child = clone(body, stack + STACK, flags | SIGCHLD, task);
    CHECK(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status));
    CHECK(munmap(stack, STACK) == 0);
    return WEXITSTATUS(status);
}

static void *make_children(void *number)
{
    int wire[2];
    CHECK(pipe(wire) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        struct task task = { 100 + (int)(long)number, 0, wire[1], "/bin/sh" };
        CHECK(status_of(exec_or_tell, CLONE_VM | CLONE_VFORK, &task) == task.status && task.seen == 0);
        task.path = "/nonexistent";
        CHECK(status_of(exec_or_tell, CLONE_VM | CLONE_VFORK, &task) == 42 && task.seen == ENOENT);
        CHECK(status_of(exit_at_once, CLONE_VM | CLONE_VFORK, &task) == task.status && task.seen == 77);
        task.seen = 0;
        CHECK(status_of(exec_or_tell, 0, &task) == 42 && task.seen == 0);
        CHECK(status_of(copy_and_tell, 0, &task) == task.status && task.seen == 0);
        CHECK(take(wire[0]) == 'c');
        task.path = "/bin/sh";
        CHECK(status_of(exec_or_tell, CLONE_VFORK, &task) == task.status && task.seen == 0);
        /* The maker is a thread like before. */
        CHECK(pthread_mutex_lock(&mutex) == 0);
        sched_yield();
        CHECK(pthread_mutex_unlock(&mutex) == 0);
    }
    CHECK(close(wire[0]) == 0 && close(wire[1]) == 0);
    return NULL;
}

static void *in_read(void *unused)
{
    CHECK(take(ends[0]) == 'x');
    return unused;
}

int main(void)
{
    CHECK(pipe(ends) == 0);
    pthread_t reader = start(in_read, NULL);
    others_run();
    run_numbered(THREADS, make_children);
    make_children(NULL);
    printf("%d makers had %d children each\n", THREADS + 1, 6 * ROUNDS);
    CHECK(wait(NULL) == -1 && errno == ECHILD);
    CHECK(pthread_tryjoin_np(reader, NULL) == EBUSY);
    give(ends[1], 'x');
    join(reader);
    return 0;
}
