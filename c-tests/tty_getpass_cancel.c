/* getpass() opens the terminal by fopen() with mode "c", so it is no cancellation
 * point: a request acts after the password has come and the echo is back:
 * getpass(3), fopen(3), pthreads(7).
 */
#include "lib/check.h"
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <termios.h>

static int master, slave, typist[2];

static void *ask_and_test(void *unused)
{
    const char *password = getpass("Password: ");
    CHECK(password);
    puts(password);
    pthread_testcancel();
    CHECK(!"cancelled");
    return unused;
}

static void session(void)
{
    struct termios mode;
    CHECK(setsid() > 0 && ioctl(slave, TIOCSCTTY, 0) == 0);
    pthread_t thread = start(ask_and_test, NULL);
    CHECK(take(typist[0]) == 'p'); /* the typist has seen the prompt */
    CHECK(tcgetattr(slave, &mode) == 0 && !(mode.c_lflag & ECHO) && !(mode.c_lflag & ISIG));
    CHECK(pthread_cancel(thread) == 0);
    others_run();
    CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY);
    give(typist[0], 't');
    CHECK(join(thread) == PTHREAD_CANCELED);
    puts("cancelled afterwards");
    CHECK(tcgetattr(slave, &mode) == 0 && (mode.c_lflag & ECHO) && (mode.c_lflag & ISIG));
}

int main(void)
{
    char prompt[10];
    CHECK(openpty(&master, &slave, NULL, NULL, NULL) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, typist) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
        CHECK(close(master) == 0 && close(typist[1]) == 0);
        session();
        CHECK(fflush(stdout) == 0);
        _exit(0);
    }
    CHECK(close(slave) == 0 && close(typist[0]) == 0);
    CHECK(read_all(master, prompt, 10) == 10 && memcmp(prompt, "Password: ", 10) == 0);
    give(typist[1], 'p');
    CHECK(take(typist[1]) == 't');
    write_all(master, "secret\n", 7);
    const char *end = child_end(child);
    printf("the session: %s\n", end);
    return strcmp(end, "exit 0") != 0;
}
