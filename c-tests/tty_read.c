/* Reads from a terminal stop the calling thread alone: by line, and raw with
 * VMIN and VTIME. So do reads from the master, and writes to a terminal whose
 * output is stopped. tcdrain() waits for nobody: termios(3), pty(7).
 */
#include "lib/beside.h"
#include <pty.h>
#include <sched.h>
#include <termios.h>

#include "lib/waits.h"

static int master, slave;
static struct termios cooked;

/* Nothing is left to read. */
static void raw(int least, int tenths)
{
    char rest[64];
    struct termios mode = cooked;
    cfmakeraw(&mode);
    mode.c_cc[VMIN] = (cc_t)least;
    mode.c_cc[VTIME] = (cc_t)tenths;
    CHECK(tcsetattr(slave, TCSAFLUSH, &mode) == 0 && fcntl(slave, F_SETFL, O_NONBLOCK) == 0);
    while (read(slave, rest, sizeof rest) > 0)
        continue;
    CHECK(fcntl(slave, F_SETFL, 0) == 0);
}

static void type(const char *text)
{
    CHECK(write(master, text, strlen(text)) == (ssize_t)strlen(text));
}

static void by_line(void *unused)
{
    (void)unused;
    CHECK(tcsetattr(slave, TCSAFLUSH, &cooked) == 0);
    type("\025not a line"); /* VKILL first */
}

static void raw_1(void *unused) { (void)unused; raw(1, 0); }
static void raw_3(void *unused) { (void)unused; raw(3, 0); }
static void raw_3_then_time(void *unused) { (void)unused; raw(3, 1); }

/* Nothing to read for the master. */
static void quiet(void *unused)
{
    (void)unused;
    raw(1, 0);
    CHECK(tcflush(master, TCIOFLUSH) == 0);
}

static void stopped(void *unused)
{
    quiet(unused);
    CHECK(tcflow(slave, TCOOFF) == 0);
}

static void type_line(void *unused) { (void)unused; type("\n"); }
static void type_1(void *unused) { (void)unused; type("1"); }

static void type_3(void *unused)
{
    (void)unused;
    type("12");
    others_run();
    CHECK(!holds(&returned));
    type("3");
}

static void go_on(void *unused)
{
    char text[8];
    (void)unused;
    CHECK(tcflow(slave, TCOON) == 0);
    CHECK(read_all(master, text, 4) == 4 && memcmp(text, "word", 4) == 0);
}

static void show(void *unused) { (void)unused; CHECK(write(slave, "word", 4) == 4); }

static long read_slave(void)
{
    char text[20];
    return read(slave, text, sizeof text);
}

static long read_master(void)
{
    char text[20];
    return read(master, text, 4);
}

static long write_slave(void) { return write(slave, "word", 4); }

static struct wait waits[] = {
    { "by line", by_line, read_slave, is_entered, type_line, 1, 1 },
    { "VMIN 1", raw_1, read_slave, is_entered, type_1, 1, 1 },
    { "VMIN 3", raw_3, read_slave, is_entered, type_3, 1, 1 },
    { "VMIN 3, VTIME 1", raw_3_then_time, read_slave, is_entered, type_1, 1, 1 },
    { "the master", quiet, read_master, is_entered, show, 1, 1 },
    { "write, stopped", stopped, write_slave, is_entered, go_on, 1, 1 },
};

static void *drain(void *unused)
{
    raw(1, 0);
    CHECK(write(slave, "unread", 6) == 6);
    printf("tcdrain, unread: %d\n", tcdrain(slave));
    FAILS(EBADF, tcdrain(-1));
    FAILS(ENOTTY, tcdrain(temporary_file(0)));
    return unused;
}

static void *read_end_of_file(void *unused)
{
    printf("VEOF: %ld\n", read_slave());
    return unused;
}

/* A hang-up: the read may still see EIO, later ones see the end. */
static void *read_to_hang_up(void *unused)
{
    long result = read_slave();
    CHECK(result == 0 || (result == -1 && errno == EIO));
    return unused;
}

int main(void)
{
    CHECK(openpty(&master, &slave, NULL, NULL, NULL) == 0);
    CHECK(tcgetattr(slave, &cooked) == 0);
    cooked.c_lflag &= ~(tcflag_t)ECHO;
    in_four_ways(waits, COUNT(waits));
    CHECK(tcflow(slave, TCOON) == 0);
    join(start(drain, NULL));

    CHECK(tcsetattr(slave, TCSAFLUSH, &cooked) == 0);
    pthread_t reader = start(read_end_of_file, NULL);
    others_run();
    type("\4");
    join(reader);
    CHECK(fcntl(slave, F_SETFL, O_NONBLOCK) == 0);
    FAILS(EAGAIN, read_slave());
    CHECK(fcntl(slave, F_SETFL, 0) == 0);

    raw(1, 0);
    reader = start(read_to_hang_up, NULL);
    others_run();
    CHECK(close(master) == 0);
    join(reader);
    printf("the master is closed: read %ld\n", read_slave());
    FAILS(EIO, write_slave());
    FAILS(EIO, tcdrain(slave));
    return 0;
}
