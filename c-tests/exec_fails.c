/* An exec that fails leaves everything as it was: threads that wait and compute go on,
 * masks, handlers, pending signals, descriptors and timers are kept, and the error is the
 * kernel's: ENOENT, EACCES, ENOEXEC, E2BIG, ENOTDIR, ELOOP, EFAULT, ETXTBSY, ENAMETOOLONG.
 * execvp runs a file without a magic number by the shell: execve(2), exec(3).
 *
 * test: env=GREEN_SLICE_MS=10
 * test: slow
 */
#include "lib/computing.h"
#include "lib/signals.h"
#include <sys/time.h>

extern char **environ;

static char directory[] = "/tmp/exec-fails-XXXXXX";
static int ends[2];
static volatile sig_atomic_t handled;

static void handle(int number) { (void)number; handled++; }

static void make_file(const char *name, const char *text, mode_t mode)
{
    int file = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(file >= 0);
    write_all(file, text, strlen(text));
    CHECK(fchmod(file, mode) == 0 && close(file) == 0);
}

static void fail_all(void)
{
    static char path[5000];
    char *arguments[] = { (char *)"x", NULL }, *many[] = { (char *)"x", path, NULL };
    memset(path, 'x', sizeof path - 1);
    FAILS(ENOENT, execve("missing", arguments, environ));
    FAILS(ENOENT, execl("missing", "x", (char *)NULL));
    FAILS(ENOENT, execlp("no such command", "x", (char *)NULL));
    FAILS(ENOENT, execv("", arguments));
    FAILS(EACCES, execve("plain", arguments, environ));
    FAILS(EACCES, execve("/tmp", arguments, environ));
    FAILS(ENOEXEC, execve("no-magic", arguments, environ));
    FAILS(ENOENT, execve("no-interpreter", arguments, environ));
    FAILS(ENOTDIR, execve("plain/file", arguments, environ));
    FAILS(ELOOP, execve("loop", arguments, environ));
    FAILS(ENAMETOOLONG, execve(path, arguments, environ));
    FAILS(EBADF, fexecve(999, arguments, environ));
    int writer = open("no-magic", O_WRONLY | O_CLOEXEC);
    CHECK(writer >= 0);
    FAILS(ETXTBSY, execve("no-magic", arguments, environ));
    CHECK(close(writer) == 0);
    char *huge = malloc(4 << 20);
    CHECK(huge);
    memset(huge, 'x', (4 << 20) - 1);
    huge[(4 << 20) - 1] = '\0';
    many[1] = huge;
    FAILS(E2BIG, execv("/bin/true", many));
    free(huge);
}

static void *in_read(void *unused)
{
    CHECK(take(ends[0]) == 'x');
    return unused;
}

static void check_state(const char *who)
{
    struct itimerval timer;
    struct sigaction action;
    int before = handled;
    CHECK(own_mask() == 1001 && is_pending(SIGTERM) && !is_pending(SIGUSR1));
    CHECK(sigaction(SIGUSR1, NULL, &action) == 0 && action.sa_handler == handle);
    CHECK(pthread_kill(pthread_self(), SIGUSR1) == 0 && handled == before + 1);
    CHECK(getitimer(ITIMER_REAL, &timer) == 0 && timer.it_value.tv_sec > 800);
    compute_for_ticks(2);
    printf("%s: all is as it was\n", who);
}

static void *fail_in_thread(void *unused)
{
    fail_all();
    check_state("a thread");
    pid_t child = fork();
    if (child == 0) {
        execlp("./no-magic", "no-magic", "7", (char *)NULL);
        _exit(99);
    }
    printf("execlp of a script without a magic number: %s\n", child_end(child));
    child = vfork();
    if (child == 0) {
        execl("missing", "missing", (char *)NULL);
        _exit(errno == ENOENT ? 5 : 6);
    }
    printf("after vfork: %s\n", child_end(child));
    return unused;
}

int main(void)
{
    struct sigaction action = { .sa_handler = handle };
    struct itimerval hour = { { 0, 0 }, { 900, 0 } };
    CHECK(mkdtemp(directory) && chdir(directory) == 0);
    make_file("plain", "text\n", 0600);
    make_file("no-magic", "exit $1\n", 0700);
    make_file("no-interpreter", "#!/nonexistent/interpreter\n", 0700);
    CHECK(symlink("loop", "loop") == 0 && pipe(ends) == 0);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0 && setitimer(ITIMER_REAL, &hour, NULL) == 0);
    change_mask(SIG_BLOCK, SIGTERM), change_mask(SIG_BLOCK, SIGHUP);
    pthread_t reader = start(in_read, NULL);
    begin_computing(1);
    begin_ticks();
    CHECK(kill(getpid(), SIGTERM) == 0);
    join(start(fail_in_thread, NULL));
    fail_all();
    check_state("main");
    end_ticks();
    end_computing();
    CHECK(pthread_tryjoin_np(reader, NULL) == EBUSY);
    give(ends[1], 'x');
    join(reader);
    CHECK(unlink("plain") == 0 && unlink("no-magic") == 0 && unlink("no-interpreter") == 0);
    CHECK(unlink("loop") == 0 && rmdir(directory) == 0);
    return 0;
}
