/* Opening a FIFO waits until another opens the other side, and only the thread
 * that opens it waits, whichever function it opens it by. A handler interrupts
 * the wait, unless it has SA_RESTART; it is a cancellation point: fifo(7),
 * open(2), signal(7), pthreads(7).
 */
#include "lib/beside.h"
#include "lib/cancel_points.h"

static char directory[] = "/tmp/check-XXXXXX", path[64];
static int at;

struct opening {
    const char *name;
    int (*open)(void);
    int flags; /* 0: O_RDONLY */
};

/* A duplicate outlives the stream, so that all of them yield a descriptor. */
static int of_stream(FILE *stream)
{
    if (!stream)
        return -1;
    int file = dup(fileno(stream));
    CHECK(file >= 0 && fclose(stream) == 0);
    return file;
}

static FILE *some_stream(const char *mode)
{
    FILE *stream = fopen("/dev/null", mode);
    CHECK(stream);
    return stream;
}

static int open_read(void) { return open(path, O_RDONLY); }
static int open_write(void) { return open(path, O_WRONLY); }
static int open64_read(void) { return open64(path, O_RDONLY | O_CLOEXEC); }
static int openat_read(void) { return openat(at, "fifo", O_RDONLY); }
static int openat64_write(void) { return openat64(at, "fifo", O_WRONLY | O_APPEND); }
static int creat_write(void) { return creat(path, 0600); }
static int creat64_write(void) { return creat64(path, 0600); }
static int fopen_read(void) { return of_stream(fopen(path, "r")); }
static int fopen64_write(void) { return of_stream(fopen64(path, "w")); }
static int fopen_append(void) { return of_stream(fopen(path, "a")); }
static int freopen_read(void) { return of_stream(freopen(path, "r", some_stream("r"))); }
static int freopen64_write(void) { return of_stream(freopen64(path, "w", some_stream("w"))); }

static const struct opening openings[] = {
    { "open to read", open_read, O_RDONLY },
    { "open to write", open_write, O_WRONLY },
    { "open64 to read", open64_read, O_RDONLY },
    { "openat to read", openat_read, O_RDONLY },
    { "openat64 to write", openat64_write, O_WRONLY },
    { "creat", creat_write, O_WRONLY },
    { "creat64", creat64_write, O_WRONLY },
    { "fopen to read", fopen_read, O_RDONLY },
    { "fopen64 to write", fopen64_write, O_WRONLY },
    { "fopen to append", fopen_append, O_WRONLY },
};

static const struct opening reopenings[] = {
    { "freopen to read", freopen_read, O_RDONLY },
    { "freopen64 to write", freopen64_write, O_WRONLY },
};

/* ---- until the other side comes ---------------------------------------- */

static void exchange(int fifo, int flags)
{
    CHECK(fifo >= 0 && (fcntl(fifo, F_GETFL) & (O_ACCMODE | O_NONBLOCK)) == flags);
    if (flags == O_RDONLY)
        CHECK(take(fifo) == 'x');
    else
        give(fifo, 'x');
    CHECK(close(fifo) == 0);
}

static void *open_this_side(void *argument)
{
    const struct opening *opening = argument;
    CHECK(sem_post(&about_to_wait) == 0);
    exchange(opening->open(), opening->flags);
    return NULL;
}

static void is_about_to_wait(void *unused)
{
    (void)unused;
    CHECK(sem_wait(&about_to_wait) == 0);
}

static void open_other_side(void *argument)
{
    int flags = ((struct opening *)argument)->flags == O_RDONLY ? O_WRONLY : O_RDONLY;
    exchange(open(path, flags), flags);
}

static void wait_in_each(const struct opening *opening, size_t count)
{
    for (; count-- > 0; opening++) {
        beside(opening->name, open_this_side, is_about_to_wait, open_other_side,
               (void *)opening);
        printf("%s: waits for the other side\n", opening->name);
    }
}

/* ---- interrupted ------------------------------------------------------- */

static sem_t handled;
static int outcome[2];

static void on_signal(int number)
{
    (void)number;
    sem_post(&handled);
}

static void handle(int flags)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
}

static void *open_interrupted(void *argument)
{
    const struct opening *opening = argument;
    CHECK(sem_post(&about_to_wait) == 0);
    CHECK(opening->open() == -1 && errno == EINTR);
    give(outcome[1], 'x');
    return NULL;
}

/* Signals come until one finds the thread in its wait. */
static void interrupt(const struct opening *opening)
{
    pthread_t thread = start(open_interrupted, (void *)opening);
    CHECK(sem_wait(&about_to_wait) == 0);
    others_run();
    char token;
    while (read(outcome[0], &token, 1) < 0) {
        CHECK(errno == EAGAIN && pthread_kill(thread, SIGUSR1) == 0);
        nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
    }
    join(thread);
    printf("%s, a handler: EINTR\n", opening->name);
}

static void restart(const struct opening *opening)
{
    pthread_t thread = start(open_this_side, (void *)opening);
    CHECK(sem_wait(&about_to_wait) == 0);
    others_run();
    CHECK(pthread_kill(thread, SIGUSR1) == 0 && sem_wait(&handled) == 0);
    others_run();
    open_other_side((void *)opening);
    join(thread);
    printf("%s, a handler with SA_RESTART: waits on\n", opening->name);
}

/* ---- cancelled --------------------------------------------------------- */

static void wait_open(void) { open_read(); }
static void wait_openat(void) { openat64_write(); }
static void wait_creat(void) { creat_write(); }
static void wait_fopen(void) { fopen_read(); }

static const struct point points[] = {
    { "open", wait_open },
    { "openat64", wait_openat },
    { "creat", wait_creat },
    { "fopen", wait_fopen },
};

int main(void)
{
    CHECK(mkdtemp(directory) && (at = open(directory, O_RDONLY | O_DIRECTORY)) >= 0);
    snprintf(path, sizeof path, "%s/fifo", directory);
    CHECK(mkfifo(path, 0600) == 0);
    CHECK(sem_init(&about_to_wait, 0, 0) == 0 && sem_init(&handled, 0, 0) == 0);
    CHECK(pipe2(outcome, O_NONBLOCK) == 0);

    wait_in_each(openings, COUNT(openings));
    wait_in_each(reopenings, COUNT(reopenings));

    handle(0);
    for (size_t i = 0; i < COUNT(openings); i++)
        interrupt(&openings[i]);
    CHECK(sem_destroy(&handled) == 0 && sem_init(&handled, 0, 0) == 0);
    handle(SA_RESTART);
    for (size_t i = 0; i < COUNT(openings); i++)
        restart(&openings[i]);

    cancel_at_points(points, COUNT(points));

    FAILS(ENXIO, open(path, O_WRONLY | O_NONBLOCK));
    int reader = open(path, O_RDONLY | O_NONBLOCK), writer = open(path, O_WRONLY);
    int both = open(path, O_RDWR);
    CHECK(reader >= 0 && writer >= 0 && both >= 0);
    puts("O_NONBLOCK, O_RDWR: open does not wait");

    CHECK(unlinkat(at, "fifo", 0) == 0 && rmdir(directory) == 0);
    return 0;
}
