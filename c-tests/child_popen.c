/* Streams of popen(3) that several threads share, modes, what pclose(3) tells, and
 * a read that a signal handler without SA_RESTART ends: popen(3), signal(7).
 */
#include "lib/beside.h"
#include "lib/command.h"

enum { THREADS = 6, LINES = 3000 };

static FILE *command;

/* ---- one stream, many threads ---- */

static void *read_lines(void *count)
{
    char line[64];
    while (fgets(line, sizeof line, command)) {
        CHECK(strlen(line) == 9 && line[8] == '\n');
        ++*(int *)count;
    }
    return NULL;
}

static void *write_lines(void *letter)
{
    char line[64];
    memset(line, *(char *)letter, 50);
    line[50] = '\0';
    for (int i = 0; i < LINES; i++)
        CHECK(fprintf(command, "%s\n", line) == 51);
    return NULL;
}

static void shared(void)
{
    pthread_t threads[THREADS];
    int counts[THREADS] = { 0 }, sum = 0;
    CHECK((command = popen("read word <&8; yes 12345678 | head -n 20000", "re")));
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(read_lines, &counts[i]);
    others_run();
    let_go(NULL);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]), sum += counts[i];
    tell("readers", pclose(command));
    printf("%d lines read\n", sum);

    char letters[] = "abcdef";
    CHECK((command = popen("read word <&8; grep -cE '^(a+|b+|c+|d+|e+|f+)$'", "we")));
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(write_lines, &letters[i]);
    others_run();
    let_go(NULL);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    fflush(stdout);
    tell("writers", pclose(command));
}

/* ---- pclose ---- */

static void *open_and_close(void *text)
{
    fflush(stdout);
    FILE *stream = popen(text, "w");
    CHECK(stream);
    tell(text, pclose(stream));
    return NULL;
}

/* ---- signals ---- */

static void handle(int signal)
{
    (void)signal;
}

static void *open_and_read(void *unused)
{
    char line[16];
    CHECK((command = popen("echo x >&9; read word <&8; echo $word", "r")));
    errno = 0;
    char *got = fgets(line, sizeof line, command);
    int error = errno;
    printf("read: %s, %s, %s\n", got ? "a line" : "nothing", errno_name(error),
           ferror(command) ? "an error" : "no error");
    clearerr(command);
    return unused;
}

static void interrupted_read(void)
{
    struct sigaction action = { .sa_handler = handle };
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    pthread_t thread = start(open_and_read, NULL);
    char line[16];
    at_command(NULL);
    /* Again and again: the first signal may come before the thread reads. */
    do {
        CHECK(pthread_kill(thread, SIGUSR1) == 0);
        others_run();
    } while (pthread_tryjoin_np(thread, NULL) == EBUSY);
    let_go(NULL);
    CHECK(fgets(line, sizeof line, command));
    printf("then: %s", line);
    tell("interrupted reader", pclose(command));
}

/* ---- modes ---- */

static const char *close_on_exec(const char *mode)
{
    FILE *stream = popen("exit 0", mode);
    CHECK(stream);
    int flags = fcntl(fileno(stream), F_GETFD);
    CHECK(pclose(stream) == 0);
    return flags & FD_CLOEXEC ? "close-on-exec" : "inherited";
}

static void *modes(void *unused)
{
    static const char *const wrong[] = { "", "rw", "x", "e" };
    printf("r: %s, re: %s, we: %s\n", close_on_exec("r"), close_on_exec("re"),
           close_on_exec("we"));
    for (size_t i = 0; i < COUNT(wrong); i++) {
        errno = 0;
        CHECK(popen("exit 0", wrong[i]) == NULL);
        printf("\"%s\": %s\n", wrong[i], errno_name(errno));
    }
    /* The second command does not hold the first one's end. */
    FILE *first = popen("cat", "w"), *second = popen("read word <&8", "w");
    CHECK(first && second);
    tell("first of two", pclose(first));
    let_go(NULL);
    tell("second of two", pclose(second));

    CHECK((first = popen("exit 5", "r")) && wait(NULL) > 0);
    tell("waited for already", pclose(first));
    return unused;
}

int main(void)
{
    open_command_pipes();
    shared();
    beside("pclose", open_and_close, at_command, let_go, "echo x >&9; read word <&8; exit 7");
    beside("pclose", open_and_close, at_command, let_go, "echo x >&9; read word <&8; kill -9 $$");
    join(start(open_and_close, "/nonexistent/command 2>&-"));
    interrupted_read();
    join(start(modes, NULL));
    return 0;
}
