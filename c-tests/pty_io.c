/* Both sides of a pseudo-terminal: reads wait for a line on the slave and for
 * output on the master, the line discipline works, a closed slave ends the
 * master with EIO: pty(7), openpty(3), termios(3).
 */
#include "lib/check.h"
#include <termios.h>

static int master, slave;

static void *read_slave(void *unused)
{
    char text[16];
    CHECK(read(slave, text, sizeof text) == 6);
    CHECK(memcmp(text, "hello\n", 6) == 0);
    return unused;
}

static void *read_master(void *unused)
{
    char text[8];
    CHECK(read_all(master, text, 7) == 7 && memcmp(text, "world\r\n", 7) == 0);
    return unused;
}

static void *read_to_error(void *unused)
{
    char byte;
    CHECK(read(master, &byte, 1) == -1 && errno == EIO);
    return unused;
}

int main(void)
{
    char name[64];
    struct termios mode;
    CHECK((master = posix_openpt(O_RDWR | O_NOCTTY)) >= 0);
    CHECK(grantpt(master) == 0 && unlockpt(master) == 0);
    CHECK(ptsname_r(master, name, sizeof name) == 0);
    CHECK((slave = open(name, O_RDWR | O_NOCTTY)) >= 0);
    CHECK(isatty(slave) && tcgetattr(slave, &mode) == 0);
    mode.c_lflag &= ~(tcflag_t)ECHO;
    CHECK(tcsetattr(slave, TCSANOW, &mode) == 0);

    /* Half a line is not enough. */
    pthread_t thread = start(read_slave, NULL);
    others_run();
    CHECK(write(master, "hel", 3) == 3);
    others_run();
    CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY);
    CHECK(write(master, "lo\n", 3) == 3);
    join(thread);
    puts("slave: waits for a line");

    thread = start(read_master, NULL);
    others_run();
    CHECK(write(slave, "world\n", 6) == 6 && tcdrain(slave) == 0);
    join(thread);
    puts("master: waits for output");

    thread = start(read_to_error, NULL);
    others_run();
    close(slave);
    join(thread);
    puts("master: EIO when the slave is closed");
    return 0;
}
