/* A shell with job control and an editor with threads: one reads keys from the terminal,
 * which is raw, others wait for a condition, in poll, in accept and in nanosleep. ^Z at the
 * shell's terminal stops it by a SIGTSTP handler that gives the terminal its mode back,
 * restores the default action and raises the signal again; the shell takes the terminal, and
 * gives it back with SIGCONT ("fg"), upon which the editor makes it raw again. Continued in
 * the background ("bg") it stops again, by SIGTTOU or SIGTTIN. ^C ends a plain job. Follows
 * signal(7), termios(3), tcsetpgrp(3), waitpid(2).
 */
#include "lib/session.h"
#include "lib/signals.h"

#include <poll.h>

enum { ROUNDS = 3 };

static int said[2];
static struct termios cooked, raw;

/* ---- the job -------------------------------------------------------------------- */

static int quiet[2];
static volatile sig_atomic_t suspended;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int over;

static void set_mode(const struct termios *mode)
{
    while (tcsetattr(slave, TCSADRAIN, mode) != 0)
        CHECK(errno == EINTR);
}

static void on_tstp(int number)
{
    struct sigaction action = { .sa_handler = SIG_DFL }, mine;
    sigset_t tstp = set_of(number, 0), before;
    int error = errno;
    suspended++;
    set_mode(&cooked);
    CHECK(sigaction(SIGTSTP, &action, &mine) == 0 && raise(SIGTSTP) == 0);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &tstp, &before) == 0);
    /* Stopped here until SIGCONT. */
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0 && sigaction(SIGTSTP, &mine, NULL) == 0);
    set_mode(&raw);
    CHECK(write(said[1], "r", 1) == 1);
    errno = error;
}

static void *in_cond(void *unused)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    while (!over)
        CHECK(pthread_cond_wait(&condition, &mutex) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return unused;
}

static void *in_poll(void *unused)
{
    struct pollfd polled = { quiet[0], POLLIN, 0 };
    int result;
    while ((result = poll(&polled, 1, -1)) == -1)
        CHECK(errno == EINTR);
    CHECK(result == 1);
    return unused;
}

static void *in_accept(void *listener)
{
    CHECK(accept(*(int *)listener, NULL, NULL) >= 0);
    return NULL;
}

static void *in_nanosleep(void *unused)
{
    struct timespec rest = { 0, 100000000 };
    while (nanosleep(&rest, &rest) == -1)
        CHECK(errno == EINTR);
    return unused;
}

/* Says each key; 'q' ends it. */
static void *read_keys(void *unused)
{
    char key = 0;
    while (key != 'q') {
        CHECK(read(slave, &key, 1) == 1);
        give(said[1], key);
    }
    return unused;
}

static void edit(void)
{
    struct sigaction action = { .sa_handler = on_tstp, .sa_flags = SA_RESTART };
    struct sockaddr_in address;
    int listener = tcp_listener(&address);
    CHECK(pipe(quiet) == 0 && sigaction(SIGTSTP, &action, NULL) == 0);
    set_mode(&raw);
    pthread_t threads[] = {
        start(in_cond, NULL), start(in_poll, NULL), start(in_accept, &listener), start(in_nanosleep, NULL),
    };
    pthread_t reader = start(read_keys, NULL);
    give(said[1], 'b');
    join(reader);
    CHECK(pthread_mutex_lock(&mutex) == 0);
    over = 1;
    CHECK(pthread_cond_signal(&condition) == 0 && pthread_mutex_unlock(&mutex) == 0);
    give(quiet[1], 'x');
    close(tcp_connect(&address));
    for (size_t i = 0; i < COUNT(threads); i++)
        join(threads[i]);
    set_mode(&cooked);
    _exit(suspended);
}

static void be_plain(void)
{
    pthread_t reader = start(read_keys, NULL);
    give(said[1], 'b');
    join(reader);
    _exit(9);
}

/* ---- the shell --------------------------------------------------------------------- */

static void foreground(pid_t group)
{
    CHECK(tcsetpgrp(slave, group) == 0);
}

static void type(char key)
{
    CHECK(write(master, &key, 1) == 1);
}

static int is_cooked(void)
{
    struct termios mode;
    CHECK(tcgetattr(slave, &mode) == 0);
    return (mode.c_lflag & ICANON) != 0;
}

static pid_t job(void (*run)(void))
{
    int ready[2];
    CHECK(pipe(ready) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && signal(SIGTTOU, SIG_DFL) != SIG_ERR);
        CHECK(take(ready[0]) == 'f');
        run();
    }
    CHECK(setpgid(child, child) == 0);
    foreground(child);
    give(ready[1], 'f');
    CHECK(take(said[0]) == 'b');
    close(ready[0]), close(ready[1]);
    return child;
}

static void await_stop(pid_t child)
{
    int status;
    CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
    int number = WSTOPSIG(status);
    printf("  stopped by %s, the terminal is %s\n", number == SIGTSTP ? "SIGTSTP" : "reading or setting it",
           is_cooked() ? "cooked" : "raw");
    CHECK(number == SIGTSTP || number == SIGTTIN || number == SIGTTOU);
    foreground(getpgrp());
}

static void go_on(pid_t child)
{
    int status;
    CHECK(kill(-child, SIGCONT) == 0);
    CHECK(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status));
}

static void shell(void)
{
    CHECK(pipe(said) == 0 && signal(SIGTTOU, SIG_IGN) != SIG_ERR && tcgetattr(slave, &cooked) == 0);
    cooked.c_lflag &= ~(tcflag_t)ECHO;
    raw = cooked;
    raw.c_lflag &= ~(tcflag_t)ICANON;       /* keys at once, and signals still */
    CHECK(tcsetattr(slave, TCSANOW, &cooked) == 0);
    puts("an editor");
    pid_t child = job(edit);
    for (int round = 0; round < ROUNDS; round++) {
        type((char)('1' + round));
        CHECK(take(said[0]) == '1' + round);
        type(cooked.c_cc[VSUSP]);
        await_stop(child);
        if (round == 1) {
            /* bg: waitpid may miss that it goes on, as it stops at once. */
            CHECK(kill(-child, SIGCONT) == 0);
            await_stop(child);
        }
        foreground(child);
        go_on(child);                       /* fg */
        CHECK(take(said[0]) == 'r');
        printf("  goes on, the terminal is %s\n", is_cooked() ? "cooked" : "raw");
    }
    type('q');
    CHECK(take(said[0]) == 'q');
    printf("  %s\n", child_end(child));
    foreground(getpgrp());

    puts("a plain job");
    child = job(be_plain);
    type(cooked.c_cc[VSUSP]);
    await_stop(child);
    foreground(child);
    go_on(child);
    type(cooked.c_cc[VINTR]);
    printf("  %s\n", child_end(child));
}

int main(void)
{
    return have_led("the shell", shell);
}
