/* exit() while another thread is inside stdio. One that reads from a silent pipe, by fgets,
 * getline, fread, fscanf, getwc or getchar, is no hindrance. What a stream holds that
 * another thread is just flushing to a full pipe is written first, however long the reader
 * takes; what a thread writes past its buffer, or in fclose, is lost with the thread. The
 * exit handlers run, once, and other threads go on while exit waits. Follows exit(3),
 * fflush(3), fclose(3), setvbuf(3), flockfile(3).
 */
#include "lib/check.h"
#include "lib/unread.h"
#include <wchar.h>

enum { CAPACITY = 65536, TEXT = 3000 };

static int full[2], told[2], entered[2];
static FILE *stream;

static void at_exit(void) { give(told[1], 'h'); }

/* ---- threads that are inside -------------------------------------------------- */

static FILE *silent_pipe(void)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    FILE *in = fdopen(ends[0], "r");
    CHECK(in);
    give(entered[1], 'e');
    return in;
}

#define WAIT(name, call)                       \
    static void *name(void *unused)            \
    {                                          \
        FILE *in = silent_pipe();              \
        call;                                  \
        CHECK(!#name " came back" && in);      \
        return unused;                         \
    }

WAIT(in_fgets, char line[10]; fgets(line, sizeof line, in))
WAIT(in_getline, char *line = NULL; size_t size = 0; if (getline(&line, &size, in)) {})
WAIT(in_fread, char bytes[10000]; if (fread(bytes, 1, sizeof bytes, in)) {})
WAIT(in_fscanf, int number; if (fscanf(in, "%d", &number)) {})
WAIT(in_getwc, getwc(in))
WAIT(in_getchar, CHECK(dup2(fileno(in), 0) == 0); getchar())

static thread_body *const readers[] = { in_fgets, in_getline, in_fread, in_fscanf, in_getwc, in_getchar };

static void fill_stream(void)
{
    CHECK((stream = fdopen(full[1], "w")));
    static char bytes[CAPACITY];
    write_all(full[1], bytes, sizeof bytes);
    for (int i = 0; i < TEXT; i++)
        CHECK(putc('t', stream) == 't');
    give(entered[1], 'e');
}

static void *in_fflush(void *unused) { fill_stream(); fflush(stream); return unused; }
static void *in_fflush_all(void *unused) { fill_stream(); fflush(NULL); return unused; }
static void *in_fclose(void *unused) { fill_stream(); fclose(stream); return unused; }

/* One of these finds the buffer full. */
static void *in_putc(void *unused)
{
    fill_stream();
    for (int i = 0; i < 2 * TEXT; i++)
        CHECK(putc('t', stream) == 't');
    for (;;)
        pause();
    return unused;
}

static void *in_fwrite(void *unused)
{
    static char bytes[4 * CAPACITY];
    CHECK((stream = fdopen(full[1], "w")));
    give(entered[1], 'e');
    CHECK(fwrite(bytes, sizeof bytes, 1, stream) != 1);
    return unused;
}

static void *in_unbuffered(void *unused)
{
    static char bytes[4 * CAPACITY];
    CHECK((stream = fdopen(full[1], "w")) && setvbuf(stream, NULL, _IONBF, 0) == 0);
    give(entered[1], 'e');
    CHECK(fwrite(bytes, sizeof bytes, 1, stream) != 1);
    return unused;
}

/* ---- the process that ends ----------------------------------------------------- */

static void *leave(void *unused)
{
    exit(5);
    return unused;
}

/* Goes on until the process ends. */
static void *tick(void *unused)
{
    const struct timespec millisecond = { 0, 1000000 };
    for (;;) {
        CHECK(nanosleep(&millisecond, NULL) == 0);
        CHECK(write(told[1], ".", 1) == 1);
    }
    return unused;
}

static void live(thread_body *inside, int in_thread)
{
    int count = 0;
    CHECK(atexit(at_exit) == 0 && close(full[0]) == 0 && close(told[0]) == 0);
    if (inside)
        count++, start(inside, NULL);
    else
        for (; (size_t)count < COUNT(readers); count++)
            start(readers[count], NULL);
    for (int i = 0; i < count; i++)
        CHECK(take(entered[0]) == 'e');
    others_run();
    start(tick, NULL);
    if (in_thread)
        join(start(leave, NULL));
    leave(NULL);
}

/* ---- its parent ------------------------------------------------------------------ */

static const struct { const char *name; thread_body *inside; int waits; } ways[] = {
    { "readers", NULL, 0 }, { "fwrite past the buffer", in_fwrite, 0 }, { "without a buffer", in_unbuffered, 0 },
    { "fclose", in_fclose, 0 }, { "fflush", in_fflush, 1 }, { "fflush of all", in_fflush_all, 1 },
    { "putc", in_putc, 1 },
};

int main(void)
{
    static char bytes[4 * CAPACITY];
    for (size_t i = 0; i < COUNT(ways) * 2; i++) {
        const char *where = i % 2 ? "a thread" : "main";
        int handlers = 0, ticks = 0;
        char what;
        CHECK(pipe(full) == 0 && pipe(told) == 0 && pipe(entered) == 0);
        fflush(stdout);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            live(ways[i / 2].inside, (int)(i % 2));
        CHECK(close(full[1]) == 0 && close(told[1]) == 0);
        printf("%s, exit in %s: ", ways[i / 2].name, where);
        if (ways[i / 2].waits) {
            /* The exit handlers have run, and others go on: it is here that it waits. */
            while (handlers == 0 || ticks < 10)
                *(take(told[0]) == 'h' ? &handlers : &ticks) += 1;
            CHECK(waitpid(child, NULL, WNOHANG) == 0 && unread(full[0]) == CAPACITY);
            size_t size = read_all(full[0], bytes, sizeof bytes), text = 0;
            while (text < size - CAPACITY && bytes[CAPACITY + text] == 't')
                text++;
            CHECK(text == size - CAPACITY && text >= TEXT);
            printf("waits, all is written, %s", child_end(child));
        } else {
            printf("%s", child_end(child));
            if (ways[i / 2].inside)
                printf(", %zu bytes", read_all(full[0], bytes, sizeof bytes));
        }
        while (read(told[0], &what, 1) == 1)
            handlers += what == 'h';
        printf(", exit handlers %d\n", handlers);
        close(full[0]), close(told[0]), close(entered[0]), close(entered[1]);
    }
    return 0;
}
