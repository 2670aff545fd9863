/* A write to a pipe without readers fails with EPIPE when SIGPIPE is ignored,
 * also for a writer that is waiting at that moment; a process that does not
 * ignore the signal dies of it: pipe(7), write(2).
 */
#include "lib/check.h"

enum { SIZE = 1 << 18 };

/* The pipe takes a part of this; the rest meets the closed reader. */
static void *write_too_much(void *argument)
{
    static char data[SIZE];
    int fd = *(int *)argument;
    ssize_t count = write(fd, data, sizeof data);
    CHECK(count > 0 && count < SIZE);
    CHECK(write(fd, data, 1) == -1 && errno == EPIPE);
    return NULL;
}

static void *write_one(void *argument)
{
    give(*(int *)argument, 'x');
    return NULL;
}

static const char *end_of_child(int in_thread)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        int ends[2];
        signal(SIGPIPE, SIG_DFL);
        CHECK(pipe(ends) == 0);
        close(ends[0]);
        if (in_thread)
            join(start(write_one, &ends[1]));
        else
            write_one(&ends[1]);
        _exit(0);
    }
    return child_end(child);
}

int main(void)
{
    int ends[2];
    signal(SIGPIPE, SIG_IGN);

    CHECK(pipe(ends) == 0);
    close(ends[0]);
    FAILS(EPIPE, write(ends[1], "x", 1));
    close(ends[1]);

    CHECK(pipe(ends) == 0);
    pthread_t writer = start(write_too_much, &ends[1]);
    take(ends[0]);
    others_run();
    close(ends[0]);
    join(writer);
    puts("waiting writer: part of the count, then EPIPE");

    fflush(stdout);
    printf("child: %s\n", end_of_child(0));
    printf("child's thread: %s\n", end_of_child(1));
    return 0;
}
