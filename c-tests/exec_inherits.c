/* What a program finds of the one that became it, by exec from a thread while others
 * wait and compute, or from main: process id, descriptors that are not close-on-exec and
 * their offsets and flags, signal mask, pending signals, ignored and default dispositions,
 * alarm and interval timers, nice value, umask, working directory, environment, limits,
 * one kernel thread, no alternate stack: execve(2).
 *
 * test: env=GREEN_SLICE_MS=10
 * test: slow
 */
#include "lib/computing.h"
#include <dirent.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>

extern char **environ;
static char program[PATH_MAX];

/* ---- the new program ------------------------------------------------------------------ */

static void show_descriptors(void)
{
    DIR *own = opendir("/proc/self/fd");
    struct dirent *entry;
    char found[1024] = { 0 };
    CHECK(own);
    while ((entry = readdir(own)))
        if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(own)) {
            CHECK(atoi(entry->d_name) < (int)sizeof found);
            found[atoi(entry->d_name)] = 1;
        }
    closedir(own);
    printf("  descriptors:");
    for (size_t fd = 0; fd < sizeof found; fd++)
        if (found[fd])
            printf(" %zu%s%s", fd, fcntl((int)fd, F_GETFD) & FD_CLOEXEC ? "c" : "",
                   fcntl((int)fd, F_GETFL) & O_NONBLOCK ? "n" : "");
    printf("; offset of 20: %ld\n", (long)lseek(20, 0, SEEK_CUR));
}

static void show_set(const char *name, const sigset_t *set)
{
    printf("  %s:", name);
    for (int number = 1; number < NSIG; number++)
        if (sigismember(set, number) == 1)
            printf(" %d", number);
    puts("");
}

static void show_signals(void)
{
    sigset_t set;
    struct sigaction action;
    stack_t alternate;
    CHECK(sigprocmask(SIG_BLOCK, NULL, &set) == 0);
    show_set("blocked", &set);
    CHECK(sigpending(&set) == 0);
    show_set("pending", &set);
    sigemptyset(&set);
    for (int number = 1; number < NSIG; number++)
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
            sigaddset(&set, number);
    show_set("ignored", &set);
    sigemptyset(&set);
    for (int number = 1; number < NSIG; number++)
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_IGN
            && action.sa_handler != SIG_DFL)
            sigaddset(&set, number);
    show_set("handled", &set);
    CHECK(sigaltstack(NULL, &alternate) == 0);
    printf("  alternate stack: %s\n", alternate.ss_flags & SS_DISABLE ? "none" : "one");
}

static void show_status(void)
{
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    CHECK(status);
    while (fgets(line, sizeof line, status))
        if (strncmp(line, "Threads:", 8) == 0 || strncmp(line, "SigPnd:", 7) == 0
            || strncmp(line, "ShdPnd:", 7) == 0)
            printf("  %s", line);
    fclose(status);
}

static void show_rest(const char *expected_pid, const char *nice)
{
    struct itimerval real, cpu, profile;
    struct rlimit limit;
    char name[17] = "", directory[PATH_MAX];
    CHECK(getitimer(ITIMER_REAL, &real) == 0 && getitimer(ITIMER_VIRTUAL, &cpu) == 0);
    CHECK(getitimer(ITIMER_PROF, &profile) == 0);
    printf("  pid: %s\n", getpid() == atoi(expected_pid) ? "the same" : "another");
    printf("  alarm: %s, interval %ld; virtual: %s, interval %ld; profile: %s\n",
           real.it_value.tv_sec > 800 ? "runs" : "none", (long)real.it_interval.tv_sec,
           cpu.it_value.tv_sec > 500 ? "runs" : "none", (long)cpu.it_interval.tv_sec,
           profile.it_value.tv_sec || profile.it_value.tv_usec ? "runs" : "none");
    printf("  nice: %s, umask: %03o, directory: %s\n",
           getpriority(PRIO_PROCESS, 0) == atoi(nice) ? "kept" : "another", umask(0),
           getcwd(directory, sizeof directory));
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    printf("  descriptors allowed: %ld\n", (long)limit.rlim_cur);
    CHECK(prctl(PR_GET_NAME, name) == 0);
    printf("  name: %s\n", strcmp(name, strrchr(program, '/') + 1) == 0 ? "the program's" : "another");
    for (char **entry = environ; *entry; entry++)
        if (strncmp(*entry, "EXEC_", 5) == 0)
            printf("  %s\n", *entry);
}

static int be_new_program(const char *expected_pid, const char *nice)
{
    show_descriptors();
    show_signals();
    show_status();
    show_rest(expected_pid, nice);
    others_run();
    puts("  threads run");
    return 0;
}

/* ---- the old one ---------------------------------------------------------------------- */

static int never[2], ways;

static void handle(int number) { (void)number; }

static void *wait_for_ever(void *unused)
{
    char byte;
    CHECK(read(never[0], &byte, 1) == 1);
    return unused;
}

static void *become_another(void *unused)
{
    (void)unused;
    char pid[16], nice_text[16], variable[] = "EXEC_SET=by the thread";
    static char stack[65536];
    struct rlimit limit = { 500, 600 };
    stack_t alternate = { .ss_sp = stack, .ss_size = sizeof stack };
    sigset_t set;
    struct itimerval hour = { { 7, 0 }, { 900, 0 } }, virtual = { { 9, 0 }, { 600, 0 } };
    snprintf(pid, sizeof pid, "%d", getpid());
    int niceness = getpriority(PRIO_PROCESS, 0) + 1;
    snprintf(nice_text, sizeof nice_text, "%d", niceness < 20 ? niceness : 19);
    CHECK(sigaltstack(&alternate, NULL) == 0);

    int file = temporary_file(0);
    CHECK(write(file, "12345", 5) == 5 && lseek(file, 3, SEEK_SET) == 3);
    CHECK(dup2(file, 20) == 20 && dup3(file, 21, O_CLOEXEC) == 21 && close(file) == 0);
    CHECK(dup2(never[1], 22) == 22 && fcntl(22, F_SETFL, O_NONBLOCK) == 0);

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1), sigaddset(&set, SIGTERM), sigaddset(&set, SIGRTMIN + 2);
    sigaddset(&set, SIGURG), sigaddset(&set, SIGCHLD);
    CHECK(pthread_sigmask(SIG_SETMASK, &set, NULL) == 0);
    CHECK(signal(SIGHUP, SIG_IGN) != SIG_ERR && signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    CHECK(signal(SIGINT, handle) != SIG_ERR && signal(SIGURG, handle) != SIG_ERR);
    /* One for the process that all block: see main. */
    CHECK(kill(getpid(), SIGTERM) == 0);
    CHECK(setitimer(ITIMER_REAL, &hour, NULL) == 0 && setitimer(ITIMER_VIRTUAL, &virtual, NULL) == 0);
    umask(027);
    CHECK(setpriority(PRIO_PROCESS, 0, niceness) == 0 && chdir("/proc") == 0);
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(putenv(variable) == 0 && unsetenv("EXEC_GONE") == 0);
    fflush(stdout);
    if (ways == 0)
        execl(program, program, "new", pid, nice_text, (char *)NULL);
    else {
        char *arguments[] = { program, (char *)"new", pid, nice_text, NULL };
        ways == 1 ? execve(program, arguments, environ)
                  : fexecve(open(program, O_RDONLY | O_CLOEXEC), arguments, environ);
    }
    CHECK(!"exec");
    return NULL;
}

/* SIGTERM is blocked by all threads, so that it stays pending. */
static void be_old_program(int in_thread)
{
    sigset_t term;
    sigemptyset(&term), sigaddset(&term, SIGTERM);
    CHECK(pthread_sigmask(SIG_BLOCK, &term, NULL) == 0 && pipe2(never, O_CLOEXEC) == 0);
    CHECK(setenv("EXEC_KEPT", "yes", 1) == 0 && setenv("EXEC_GONE", "no", 1) == 0);
    start(wait_for_ever, NULL);
    begin_computing(1);
    begin_ticks();
    if (in_thread)
        join(start(become_another, NULL));
    become_another(NULL);
}

int main(int argc, char **argv)
{
    CHECK(readlink("/proc/self/exe", program, sizeof program - 1) > 0);
    if (argc > 3 && strcmp(argv[1], "new") == 0)
        return be_new_program(argv[2], argv[3]);
    closefrom(3);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    static const char *const names[] = { "execl", "execve", "fexecve" };
    for (ways = 0; ways < (int)COUNT(names); ways++)
        for (int in_thread = 0; in_thread < 2; in_thread++) {
            printf("%s, %s:\n", names[ways], in_thread ? "a thread" : "main");
            fflush(stdout);
            pid_t child = fork();
            CHECK(child >= 0);
            if (child == 0)
                be_old_program(in_thread);
            CHECK(strcmp(child_end(child), "exit 0") == 0);
        }
    return 0;
}
