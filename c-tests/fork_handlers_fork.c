/* Fork handlers that fork themselves: a child's handler makes a grandchild, a parent's
 * handler waits for a child of its own, and a thread that a child's handler starts forks
 * again. Handlers run in the order of pthread_atfork(3) at every level, in the thread
 * that forks, while other threads of the first process wait: pthread_atfork(3), fork(2).
 */
#include "lib/check.h"

enum { ROUNDS = 20 };

static int report[2], gate[2], level, in_handler;
static pthread_t forker;
static int forks;
static char process[40] = "1";     /* "1.2": its second child */

/* One write a line. Parent and child run at once, so only lines of one process have an order. */
static void tell(const char *what)
{
    char line[80];
    int size = snprintf(line, sizeof line, "%s: %s, level %d\n", process, what, level);
    CHECK(pthread_equal(pthread_self(), forker));
    CHECK(write(report[1], line, (size_t)size) == size);
}

static void prepare_first(void) { forks++, level++, tell("prepare, first"); }
static void prepare_second(void) { tell("prepare, second"); }
static void parent_first(void) { tell("parent, first"), level--; }

/* A fork in a handler, unless that is one already. */
static void parent_second(void)
{
    tell("parent, second");
    if (in_handler)
        return;
    in_handler = 1;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        _exit(8);
    CHECK(strcmp(child_end(child), "exit 8") == 0);
    in_handler = 0;
}

static void *fork_in_thread(void *unused)
{
    forker = pthread_self();
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        tell("forked by a thread");
        _exit(9);
    }
    CHECK(strcmp(child_end(child), "exit 9") == 0);
    return unused;
}

static void child_first(void)
{
    size_t length = strlen(process);
    snprintf(process + length, sizeof process - length, ".%d", forks);
    forks = 0;
    tell("child, first");
}

static void child_second(void)
{
    tell("child, second");
    if (in_handler)
        return;
    in_handler = 1;
    pid_t grandchild = fork();
    CHECK(grandchild >= 0);
    if (grandchild == 0)
        _exit(7);
    CHECK(strcmp(child_end(grandchild), "exit 7") == 0);
    pthread_t self = pthread_self();
    join(start(fork_in_thread, NULL));
    forker = self;
    others_run();
}

static void *wait_at_gate(void *unused)
{
    char byte;
    CHECK(read(gate[0], &byte, 1) == 0);
    return unused;
}

static void *fork_once(void *unused)
{
    forker = pthread_self();
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        tell("forked");
        _exit(5);
    }
    CHECK(strcmp(child_end(child), "exit 5") == 0);
    CHECK(level == 0);
    return unused;
}

static int by_process(const void *a, const void *b)
{
    const char *one = *(const char *const *)a, *other = *(const char *const *)b;
    size_t length = strcspn(one, ":"), other_length = strcspn(other, ":");
    int order = strncmp(one, other, length < other_length ? length : other_length);
    return order ? order : length != other_length ? (int)length - (int)other_length
                                                  : (one > other) - (one < other);
}

/* What all the processes told meanwhile, one after the other. */
static size_t told(char *text, size_t size)
{
    static char raw[16384];
    char *lines[200];
    size_t line_count = 0, used = 0;
    int flags = fcntl(report[0], F_GETFL);
    CHECK(fcntl(report[0], F_SETFL, flags | O_NONBLOCK) == 0);
    ssize_t count = read(report[0], raw, sizeof raw - 1);
    CHECK(count > 0 && (size_t)count < sizeof raw - 1 && (size_t)count < size);
    CHECK(fcntl(report[0], F_SETFL, flags) == 0);
    raw[count] = '\0';
    for (char *line = raw; *line; line = strchr(line, '\n') + 1)
        lines[line_count++ % COUNT(lines)] = line;
    CHECK(line_count < COUNT(lines));
    qsort(lines, line_count, sizeof *lines, by_process);
    for (size_t i = 0; i < line_count; i++) {
        size_t length = strcspn(lines[i], "\n") + 1;
        memcpy(text + used, lines[i], length);
        used += length;
    }
    return used;
}

int main(void)
{
    static char first[16384], later[16384];
    pthread_t waiting[3];
    CHECK(pipe(report) == 0 && pipe(gate) == 0);
    CHECK(pthread_atfork(prepare_first, parent_first, child_first) == 0);
    CHECK(pthread_atfork(prepare_second, parent_second, child_second) == 0);
    for (size_t i = 0; i < COUNT(waiting); i++)
        waiting[i] = start(wait_at_gate, NULL);
    others_run();
    fork_once(NULL);
    size_t size = told(first, sizeof first);
    CHECK(fwrite(first, 1, size, stdout) == size);
    for (int i = 0; i < ROUNDS; i++) {
        forks = 0;
        i % 2 ? fork_once(NULL) : join(start(fork_once, NULL));
        CHECK(told(later, sizeof later) == size && memcmp(first, later, size) == 0);
    }
    printf("the same %d times more\n", ROUNDS);
    CHECK(close(gate[1]) == 0);
    for (size_t i = 0; i < COUNT(waiting); i++)
        join(waiting[i]);
    return 0;
}
