/* exit(), from main or from a thread, writes what stdio still holds, even if
 * it must wait for a slow reader, after the atexit() functions; _exit() does
 * not: exit(3), setvbuf(3).
 */
#include "lib/check.h"

enum { SIZE = 300000 };

static FILE *out;

static void say_goodbye(void)
{
    fputs("goodbye\n", out);
}

static void *leave(void *how)
{
    ((void (*)(int))how)(4);
    return NULL;
}

/* The child's FILE holds SIZE bytes, more than the pipe takes. */
static void live_and_leave(int fd, void (*how)(int), int in_thread)
{
    static char buffer[2 * SIZE];
    CHECK((out = fdopen(fd, "w")));
    CHECK(setvbuf(out, buffer, _IOFBF, sizeof buffer) == 0);
    CHECK(atexit(say_goodbye) == 0);
    others_run();
    for (int i = 0; i < SIZE; i++)
        putc((char)pattern_byte((size_t)i), out);
    if (in_thread)
        join(start(leave, (void *)how));
    leave((void *)how);
}

static void run_child(const char *name, void (*how)(int), int in_thread)
{
    static char data[2 * SIZE];
    int ends[2];
    CHECK(pipe(ends) == 0);
    fflush(stdout);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        live_and_leave(ends[1], how, in_thread);
    }
    close(ends[1]);
    size_t size = read_all(ends[0], data, sizeof data);
    close(ends[0]);
    if (size > 0) {
        CHECK(size == SIZE + 8);
        pattern_check(data, SIZE, 0);
        CHECK(memcmp(data + SIZE, "goodbye\n", 8) == 0);
    }
    printf("%s: %zu bytes, %s\n", name, size, child_end(pid));
    CHECK((size == 0) == (how == _exit));
}

int main(void)
{
    run_child("exit in main", exit, 0);
    run_child("exit in a thread", exit, 1);
    run_child("_exit in main", _exit, 0);
    run_child("_exit in a thread", _exit, 1);
    return 0;
}
