/* With VMIN 0 a raw terminal's read() returns 0 when nothing has come: after
 * VTIME tenths of a second, or at once. With both above zero the first byte starts
 * a timer, and the read waits on. Meanwhile other threads run: termios(3).
 */
#include "lib/beside.h"
#include <pty.h>
#include <termios.h>

static int master, slave;

static void raw(int least, int tenths)
{
    struct termios mode;
    CHECK(tcgetattr(slave, &mode) == 0);
    cfmakeraw(&mode);
    mode.c_cc[VMIN] = (cc_t)least;
    mode.c_cc[VTIME] = (cc_t)tenths;
    CHECK(tcsetattr(slave, TCSAFLUSH, &mode) == 0);
}

static void *read_slave(void *name)
{
    char text[20];
    ssize_t size = read(slave, text, sizeof text);
    printf("%s: %zd %s\n", (char *)name, size, errno_name(size == -1 ? errno : 0));
    return NULL;
}

static void is_waiting(void *unused) { (void)unused; }
static void release(void *unused) { (void)unused; CHECK(write(master, "1", 1) == 1); }

/* The read waits on after the first byte, and after the second. */
static void type_slowly(void *unused)
{
    for (int i = 0; i < 3; i++) {
        others_run();
        release(unused);
    }
}

static void nothing(void *unused) { (void)unused; }

int main(void)
{
    CHECK(openpty(&master, &slave, NULL, NULL, NULL) == 0);
    raw(0, 0);
    join(start(read_slave, "VMIN 0, VTIME 0"));
    CHECK(write(master, "12", 2) == 2);
    join(start(read_slave, "VMIN 0, VTIME 0, two bytes"));

    raw(0, 2);
    double begin = seconds(CLOCK_MONOTONIC);
    beside("VMIN 0, VTIME 2", read_slave, is_waiting, nothing, "VMIN 0, VTIME 2");
    CHECK(seconds(CLOCK_MONOTONIC) - begin >= 0.1);
    raw(0, 255);
    beside("VMIN 0, VTIME 255", read_slave, is_waiting, release, "VMIN 0, VTIME 255, one byte");

    raw(3, 255);
    begin = seconds(CLOCK_MONOTONIC);
    beside("VMIN 3, VTIME 255", read_slave, is_waiting, type_slowly, "VMIN 3, VTIME 255, three bytes");
    CHECK(seconds(CLOCK_MONOTONIC) - begin < 25);

    raw(2, 0);
    CHECK(write(master, "123", 3) == 3);
    join(start(read_slave, "VMIN 2, three bytes"));
    CHECK(fcntl(slave, F_SETFL, O_NONBLOCK) == 0);
    raw(0, 2);
    join(start(read_slave, "VMIN 0, VTIME 2, O_NONBLOCK"));
    return 0;
}
