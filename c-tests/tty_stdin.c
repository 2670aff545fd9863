/* Standard input is a terminal: fgets(), getline(), getchar() and scanf() wait
 * for a line in one thread while others run, and are cancellation points that
 * leave the stream unlocked: stdio(3), termios(3), pthreads(7).
 */
#include "lib/beside.h"
#include <pty.h>
#include <sched.h>
#include <termios.h>

#include "lib/waits.h"

static int master;

static void empty(void *unused)
{
    (void)unused;
    CHECK(ftrylockfile(stdin) == 0);
    funlockfile(stdin);
    clearerr(stdin);
}

static void type_line(void *unused)
{
    (void)unused;
    write_all(master, "12 34", 5);
    others_run();
    CHECK(!holds(&returned));
    write_all(master, "\n", 1);
}

static void type_end(void *unused) { (void)unused; write_all(master, "\4", 1); }

static long call_fgets(void)
{
    char line[40];
    return fgets(line, sizeof line, stdin) ? (long)strlen(line) : -1;
}

static long call_getline(void)
{
    static char *line;
    static size_t size;
    return getline(&line, &size, stdin);
}

static long call_getchar(void)
{
    int first = getchar();
    return first == EOF ? -1 : first + call_fgets();
}

static long call_scanf(void)
{
    int numbers[2];
    errno = 0;
    int count = scanf("%d%d", &numbers[0], &numbers[1]);
    return count == 2 && getchar() == '\n' ? numbers[0] + numbers[1] : -1;
}

static long call_end_of_file(void)
{
    char line[40];
    errno = 0;
    return fgets(line, sizeof line, stdin) || !feof(stdin) ? -1 : 0;
}

static struct wait waits[] = {
    { "fgets", empty, call_fgets, is_entered, type_line, 1, 1 },
    { "getline", empty, call_getline, is_entered, type_line, 1, 1 },
    { "getchar", empty, call_getchar, is_entered, type_line, 1, 1 },
    { "scanf", empty, call_scanf, is_entered, type_line, 1, 1 },
    { "fgets, end of file", empty, call_end_of_file, is_entered, type_end, 1, 1 },
};

int main(void)
{
    int slave;
    struct termios mode;
    CHECK(openpty(&master, &slave, NULL, NULL, NULL) == 0);
    CHECK(tcgetattr(slave, &mode) == 0);
    mode.c_lflag &= ~(tcflag_t)ECHO;
    CHECK(tcsetattr(slave, TCSANOW, &mode) == 0 && dup2(slave, 0) == 0);
    in_four_ways(waits, COUNT(waits));
    return 0;
}
