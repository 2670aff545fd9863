/* A signal ends a process at once, from outside or inside, whatever its threads are in:
 * reads, locks, a file's lock, a name server that does not answer, a FIFO's opening, a wait
 * for a child, computing. The status tells the signal; no exit handler runs, and the kernel
 * lets go what it held: signal(7), wait(2).
 *
 * test: env=GREEN_SLICE_MS=10
 */
#include "lib/computing.h"
#include "lib/locked.h"
#include "lib/name_server.h"
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>

static int ready[2], life[2], never[2];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct name_server server;
static char fifo[40];

static void at_exit(void) { CHECK(write(1, "  exit handler\n", 15) == 15); }

static void *in_read(void *unused) { CHECK(take(never[0]) == 'x'); return unused; }
static void *in_lock(void *unused) { CHECK(pthread_mutex_lock(&mutex) != 0); return unused; }
static void *in_flock(void *unused) { CHECK(flock(description(), LOCK_EX) == -2); return unused; }
static void *in_fifo(void *unused) { CHECK(open(fifo, O_RDONLY) == -2); return unused; }
static void *in_wait(void *unused) { CHECK(wait(NULL) == -2); return unused; }

static void *in_names(void *unused)
{
    struct addrinfo *list;
    ask_name_server(&server);
    CHECK(getaddrinfo("slow.example.org.", NULL, NULL, &list) == -99);
    return unused;
}

static thread_body *const waits[] = { in_read, in_lock, in_flock, in_fifo, in_wait, in_names };

static void *by_kill(void *number) { CHECK(kill(getpid(), (int)(long)number) == 0); return number; }
static void *by_raise(void *number) { CHECK(raise((int)(long)number) == 0); return number; }
static void *by_itself(void *number) { return number; }

static int *volatile nowhere;
static void *by_fault(void *unused) { *nowhere = 1; return unused; }

static void *by_trap(void *unused) { __builtin_trap(); return unused; }

/* To a thread that waits. */
static pthread_t waiting;
static void *by_pthread_kill(void *number)
{
    CHECK(pthread_kill(waiting, (int)(long)number) == 0);
    return number;
}

static void *by_timer(void *unused)
{
    struct itimerval soon = { { 0, 0 }, { 0, 10000 } };
    CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
    return unused;
}

static void live(thread_body *end, int number)
{
    char byte;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        /* It lives on for a while: the pipe ends with its parent. */
        CHECK(close(life[1]) == 0 && close(ready[1]) == 0);
        _exit(read(life[0], &byte, 1) != 0);
    }
    CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && atexit(at_exit) == 0);
    CHECK(pthread_mutex_lock(&mutex) == 0);
    int held = description();
    CHECK(flock(held, LOCK_SH) == 0);
    open_name_server(&server);
    for (size_t i = 0; i < COUNT(waits); i++)
        waiting = start(waits[i], NULL);
    take_query(&server);
    is_waiting(NULL);
    begin_computing(1);
    give(ready[1], 'r');
    join(start(end, (void *)(long)number));
    take(never[0]);
}

static const struct { const char *name; thread_body *end; int number, from_outside; } ways[] = {
    { "SIGTERM from outside", by_itself, 0, SIGTERM }, { "SIGKILL from outside", by_itself, 0, SIGKILL },
    { "SIGRTMIN from outside", by_itself, 0, 34 }, { "kill", by_kill, SIGHUP, 0 },
    { "raise", by_raise, SIGUSR1, 0 }, { "pthread_kill", by_pthread_kill, SIGUSR2, 0 },
    { "SIGKILL to a thread", by_pthread_kill, SIGKILL, 0 }, { "a fault", by_fault, 0, 0 },
    { "a trap", by_trap, 0, 0 }, { "a timer", by_timer, 0, 0 },
};

int main(void)
{
    struct rlimit none = { 0, 0 };
    CHECK(setrlimit(RLIMIT_CORE, &none) == 0 && pipe(never) == 0);
    snprintf(fifo, sizeof fifo, "/tmp/exit-killed-%d", getpid());
    CHECK(mkfifo(fifo, 0600) == 0);
    file = temporary_file(0);
    for (size_t i = 0; i < COUNT(ways); i++) {
        CHECK(pipe(ready) == 0 && pipe(life) == 0);
        printf("%s: ", ways[i].name);
        fflush(stdout);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            live(ways[i].end, ways[i].number);
        CHECK(take(ready[0]) == 'r');
        CHECK(ways[i].from_outside == 0 || kill(child, ways[i].from_outside) == 0);
        int status;
        CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
        printf("killed by %d, %s", WTERMSIG(status), WCOREDUMP(status) ? "a core" : "no core");
        /* The lock has gone with it. */
        CHECK(flock(file, LOCK_EX | LOCK_NB) == 0 && flock(file, LOCK_UN) == 0);
        puts(", its lock is free");
        close(ready[0]), close(ready[1]), close(life[0]), close(life[1]);
    }
    CHECK(unlink(fifo) == 0);
    return 0;
}
