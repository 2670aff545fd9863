/* Signals that are pending when a thread becomes another program: the same one, started again
 * with "new" as its argument, which tells what is pending in it. execve(2), sigpending(2).
 *
 *   threads_later       the new program makes threads before it looks
 *   other               a thread that waits meanwhile
 *   before_exec         the test's own: what is sent, and said, before
 *
 *   main:  if (is_new_program(argc, argv)) return be_new_program(argv[2]);
 *          by_main_and_thread(name);
 */
#ifndef EXEC_PENDING_H
#define EXEC_PENDING_H

#include "check.h"

extern char **environ;

static char program[PATH_MAX];
static pthread_barrier_t turn;
static pthread_t other;
static int threads_later;

static void before_exec(void);

static inline void show_pending(const char *who)
{
    sigset_t set;
    CHECK(sigpending(&set) == 0);
    printf("%s:", who);
    for (int number = 1; number < NSIG; number++)
        if (sigismember(&set, number) == 1)
            printf(" %d", number);
    puts("");
    fflush(stdout);
}

/* ---- the new program ----------------------------------------------------- */

static inline int is_new_program(int argc, char **argv)
{
    CHECK(readlink("/proc/self/exe", program, sizeof program - 1) > 0);
    return argc > 2 && strcmp(argv[1], "new") == 0;
}

static inline int be_new_program(const char *with_threads)
{
    sigset_t all;
    siginfo_t info;
    struct timespec none = { 0, 0 };
    sigfillset(&all);
    if (with_threads[0] == '1')
        others_run();
    show_pending("  after exec");
    while (sigtimedwait(&all, &info, &none) > 0)
        printf("  taken: %d, value %d\n", info.si_signo,
               info.si_code == SI_QUEUE ? info.si_value.sival_int : 0);
    return 0;
}

/* ---- the old one --------------------------------------------------------- */

static inline void *be_other(void *unused)
{
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    return unused;
}

static inline void *become_another(void *unused)
{
    char *arguments[] = { program, (char *)"new", (char *)(threads_later ? "1" : "0"), NULL };
    before_exec();
    execve(program, arguments, environ);
    CHECK(!"exec");
    return unused;
}

static inline void old_program(int in_thread)
{
    sigset_t all;
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, NULL) == 0);
    CHECK(pthread_barrier_init(&turn, NULL, 2) == 0);
    other = start(be_other, NULL);
    pthread_barrier_wait(&turn);
    if (in_thread)
        join(start(become_another, NULL));
    become_another(NULL);
}

/* Once main becomes the other program, once a thread, each in a child of its own. */
static inline void by_main_and_thread(const char *what)
{
    for (int in_thread = 0; in_thread < 2; in_thread++) {
        printf("%s%s\n", in_thread ? "a thread" : "main", what);
        fflush(stdout);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            old_program(in_thread);
        CHECK(strcmp(child_end(child), "exit 0") == 0);
    }
}

#endif
