/* Standard input is a terminal: fgets(), scanf(), getchar() and getline() wait
 * for a line in one thread while others run, and ^D ends the input once:
 * pty(7), termios(3), fgets(3), scanf(3).
 */
#include "lib/beside.h"
#include <semaphore.h>
#include <termios.h>

static int master;
static sem_t begun;
static const char *typed;

static void *by_fgets(void *unused)
{
    char line[32];
    CHECK(sem_post(&begun) == 0);
    CHECK(fgets(line, sizeof line, stdin) == line);
    printf("fgets: %s", line);
    return unused;
}

static void *by_scanf(void *unused)
{
    int first, second;
    CHECK(sem_post(&begun) == 0);
    CHECK(scanf("%d %d", &first, &second) == 2 && getchar() == '\n');
    printf("scanf: %d %d\n", first, second);
    return unused;
}

static void *by_getchar(void *unused)
{
    CHECK(sem_post(&begun) == 0);
    printf("getchar:");
    for (int got; (got = getchar()) != '\n';)
        printf(" %c", got);
    puts("");
    return unused;
}

static void *by_getline(void *unused)
{
    char *line = NULL;
    size_t size = 0;
    CHECK(sem_post(&begun) == 0);
    printf("getline: %zd\n", getline(&line, &size, stdin));
    free(line);
    return unused;
}

static void *to_the_end(void *unused)
{
    CHECK(sem_post(&begun) == 0);
    int got = getchar();
    printf("^D: %s, eof %d\n", got == EOF ? "EOF" : "a byte", feof(stdin));
    clearerr(stdin);
    return unused;
}

static void has_begun(void *unused)
{
    (void)unused;
    CHECK(sem_wait(&begun) == 0);
    others_run();
}

/* In two pieces: the first is no line yet. */
static void type(void *unused)
{
    size_t size = strlen(typed), half = size / 2;
    (void)unused;
    write_all(master, typed, half);
    others_run();
    write_all(master, typed + half, size - half);
}

static void when_typed(const char *name, thread_body *body, const char *line)
{
    typed = line;
    beside(name, body, has_begun, type, NULL);
}

int main(void)
{
    char name[64];
    struct termios mode;
    CHECK(sem_init(&begun, 0, 0) == 0);
    CHECK((master = posix_openpt(O_RDWR | O_NOCTTY)) >= 0);
    CHECK(grantpt(master) == 0 && unlockpt(master) == 0);
    CHECK(ptsname_r(master, name, sizeof name) == 0);
    int slave = open(name, O_RDWR | O_NOCTTY);
    CHECK(slave >= 0 && dup2(slave, 0) == 0 && close(slave) == 0);
    CHECK(tcgetattr(0, &mode) == 0);
    mode.c_lflag &= ~(tcflag_t)ECHO;
    CHECK(tcsetattr(0, TCSANOW, &mode) == 0);

    when_typed("fgets", by_fgets, "hello there\n");
    when_typed("scanf", by_scanf, "12\n34\n");
    when_typed("getchar", by_getchar, "abc\n");
    when_typed("getline", by_getline, "wrong\177\177right\n");
    when_typed("^D", to_the_end, "\4");
    when_typed("fgets", by_fgets, "after it\n");

    /* Unbuffered input, as of an editor. */
    mode.c_lflag &= ~(tcflag_t)ICANON;
    mode.c_cc[VMIN] = 1, mode.c_cc[VTIME] = 0;
    CHECK(tcsetattr(0, TCSANOW, &mode) == 0);
    when_typed("raw", by_getchar, "xyz\n");
    return 0;
}
