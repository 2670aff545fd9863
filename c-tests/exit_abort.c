/* abort() in main and in a thread, while others wait in read, on a lock and in calls that
 * the kernel holds up, and compute: the process is killed by SIGABRT, whether the signal is
 * at its default, blocked, ignored, or has a handler that returns; the handler runs first, in
 * the thread that aborts. No exit handler runs, nothing is flushed, no core is written. A
 * handler that leaves by siglongjmp goes on: abort(3), assert(3), core(5).
 *
 * test: env=GREEN_SLICE_MS=10
 */
#undef NDEBUG
#include "lib/computing.h"
#include "lib/locked.h"
#include <assert.h>
#include <setjmp.h>
#include <sys/file.h>
#include <sys/resource.h>

static int never[2];
static pthread_t aborting;
static sigjmp_buf back;

static void tell(const char *line) { CHECK(write(1, line, strlen(line)) == (ssize_t)strlen(line)); }

static void handle(int number)
{
    CHECK(number == SIGABRT);
    tell(pthread_equal(pthread_self(), aborting) ? "  handler, there\n" : "  handler, elsewhere\n");
}

static void jump(int number)
{
    handle(number);
    siglongjmp(back, 1);
}

static void *in_read(void *unused) { CHECK(take(never[0]) == 'x'); return unused; }
static void *in_flock(void *unused) { CHECK(flock(description(), LOCK_EX) == -2); return unused; }

static void as_it_is(void) { abort(); }
static void asserted(void) { close(2), assert(!"so"); }
static void ignored(void) { CHECK(signal(SIGABRT, SIG_IGN) != SIG_ERR); abort(); }
static void handled(void) { CHECK(signal(SIGABRT, handle) != SIG_ERR); abort(); }
static void raised(void) { CHECK(signal(SIGABRT, SIG_DFL) != SIG_ERR && raise(SIGABRT) == 0); }

static void blocked(void)
{
    sigset_t all;
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, NULL) == 0);
    abort();
}

static void *is_run(void *unused) { tell("  goes on\n"); return unused; }

static void jumps(void)
{
    CHECK(signal(SIGABRT, jump) != SIG_ERR);
    if (sigsetjmp(back, 1) == 0)
        abort();
    join(start(is_run, NULL));
    _exit(3);
}

static void at_exit(void) { tell("  exit handler\n"); }

static void *call(void *way)
{
    aborting = pthread_self();
    ((void (*)(void))way)();
    return NULL;
}

static void live(void (*way)(void), int in_thread)
{
    CHECK(atexit(at_exit) == 0);
    printf("not flushed");
    start(in_read, NULL);
    start(in_flock, NULL);
    is_waiting(NULL);
    begin_computing(1);
    if (in_thread)
        join(start(call, (void *)way));
    call((void *)way);
}

static const struct { const char *name; void (*way)(void); } ways[] = {
    { "default", as_it_is }, { "assert", asserted }, { "ignored", ignored }, { "blocked", blocked },
    { "handled", handled }, { "raised", raised }, { "left by siglongjmp", jumps },
};

int main(void)
{
    struct rlimit none = { 0, 0 };
    CHECK(setrlimit(RLIMIT_CORE, &none) == 0 && pipe(never) == 0);
    file = temporary_file(0);
    int other = description();
    CHECK(flock(other, LOCK_EX) == 0);
    for (size_t i = 0; i < COUNT(ways); i++)
        for (int in_thread = 0; in_thread < 2; in_thread++) {
            int status;
            printf("%s, %s:\n", ways[i].name, in_thread ? "a thread" : "main");
            fflush(stdout);
            pid_t child = fork();
            CHECK(child >= 0);
            if (child == 0)
                live(ways[i].way, in_thread);
            CHECK(waitpid(child, &status, 0) == child);
            if (WIFSIGNALED(status))
                printf("  SIG%s, %s\n", sigabbrev_np(WTERMSIG(status)), WCOREDUMP(status) ? "a core" : "no core");
            else
                printf("  exit %d\n", WEXITSTATUS(status));
        }
    return 0;
}
