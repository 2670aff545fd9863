/* getpass() waits for the controlling terminal in one thread while others run.
 * It shows no password and puts the echo back; where there is no terminal it
 * reads standard input: getpass(3).
 */
#include "lib/beside.h"
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <termios.h>

static int master, slave, typist[2];

/* The typist has seen the prompt. */
static void is_waiting(void *unused) { (void)unused; CHECK(take(typist[0]) == 'p'); }
static void release(void *unused) { (void)unused; give(typist[0], 't'); }

static void *ask(void *prompt)
{
    const char *password = getpass(prompt);
    CHECK(password);
    printf("%s%s\n", (char *)prompt, password);
    return NULL;
}

static void with_terminal(void)
{
    struct termios mode;
    CHECK(setsid() > 0 && ioctl(slave, TIOCSCTTY, 0) == 0);
    beside("getpass", ask, is_waiting, release, "Password: ");
    CHECK(tcgetattr(slave, &mode) == 0 && (mode.c_lflag & ECHO) && (mode.c_lflag & ISIG));
}

/* Prompts on standard error, which nobody reads here. */
static void without_terminal(void)
{
    int input[2];
    CHECK(setsid() > 0 && pipe(input) == 0 && dup2(input[0], 0) == 0);
    CHECK(open("/dev/tty", O_RDWR) == -1 && errno == ENXIO);
    pthread_t thread = start(ask, "From standard input: ");
    others_run();
    CHECK(write(input[1], "another\nline\n", 13) == 13);
    join(thread);
}

static pid_t child_that(void (*does)(void))
{
    CHECK(fflush(stdout) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child > 0)
        return child;
    CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
    close(master), close(typist[1]);
    does();
    CHECK(fflush(stdout) == 0);
    _exit(0);
}

static void expect(const char *text)
{
    char seen[40] = "";
    size_t size = strlen(text);
    CHECK(read_all(master, seen, size) == size && memcmp(seen, text, size) == 0);
}

static void type(const char *prompt, const char *password)
{
    expect(prompt);
    give(typist[1], 'p');
    CHECK(take(typist[1]) == 't');
    write_all(master, password, strlen(password));
    expect("\r\n"); /* and no password */
}

int main(void)
{
    CHECK(openpty(&master, &slave, NULL, NULL, NULL) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, typist) == 0);
    pid_t child = child_that(with_terminal);
    CHECK(close(slave) == 0);
    type("Password: ", "secret\n");
    CHECK(strcmp(child_end(child), "exit 0") == 0);
    CHECK(strcmp(child_end(child_that(without_terminal)), "exit 0") == 0);
    return 0;
}
