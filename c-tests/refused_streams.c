/* Descriptors 0, 1 and 2 are closed when the program begins, as daemons and some
 * launchers leave them. The program's files get those numbers, lowest first, with
 * threads or without, and hold what the program writes and nothing else: open(2), dup(2),
 * stdio(3).
 */
#include "lib/refuse.h"
#include <semaphore.h>

static int report;
static sem_t begun;

#define SAY(...) dprintf(report, __VA_ARGS__)

static void *read_one(void *fd)
{
    CHECK(sem_post(&begun) == 0 && take(*(int *)fd) == 'x');
    return fd;
}

static void threads(void)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    pthread_t reader = start(read_one, &ends[0]);
    CHECK(sem_wait(&begun) == 0 && usleep(1000) == 0);
    others_run();
    give(ends[1], 'x');
    join(reader);
    SAY("  threads; a pipe was %d and %d\n", ends[0], ends[1]);
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
}

/* Three files in place of the streams; what they hold is what was written. */
static void reuse(void)
{
    const char *words[] = { "zero", "one", "two" };
    struct stat status;
    char text[16] = "";
    int files[3];
    for (int i = 0; i < 3; i++)
        SAY("  a file is %d\n", files[i] = temporary_file(0));
    threads();
    for (int i = 0; i < 3; i++)
        CHECK(write(files[i], words[i], strlen(words[i])) > 0 && fsync(files[i]) == 0);
    threads();
    for (int i = 0; i < 3; i++) {
        memset(text, 0, sizeof text);
        CHECK(fstat(files[i], &status) == 0 && pread(files[i], text, sizeof text - 1, 0) > 0);
        SAY("  it holds %s, %ld bytes\n", text, (long)status.st_size);
        CHECK(close(files[i]) == 0);
    }
    FILE *stream = fopen("/etc/passwd", "r");
    CHECK(stream && fgetc(stream) != EOF);
    SAY("  a stream is %d\n", fileno(stream));
    CHECK(fclose(stream) == 0);
    SAY("  nothing to read from 0: %d, to write to 1: %d\n", read(0, text, 1) == -1 && errno == EBADF,
        write(1, text, 1) == -1 && errno == EBADF);
    SAY("  puts: %d\n", puts("lost") == EOF || fflush(stdout) == EOF);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        threads();
        _exit(3);
    }
    SAY("  a child: %s\n", child_end(child));
}

static int again(int number)
{
    report = number;
    CHECK(sem_init(&begun, 0, 0) == 0);
    alarm(CASE_SECONDS);
    CHECK(fcntl(0, F_GETFD) == -1 && fcntl(1, F_GETFD) == -1 && fcntl(2, F_GETFD) == -1);
    reuse();
    _exit(0);
}

static void restart(void)
{
    CHECK(fflush(stdout) == 0);
    CHECK(fcntl(1, F_DUPFD, 40) == 40);
    closefrom(41);
    for (int i = 0; i < 40; i++)
        close(i);
    execl("/proc/self/exe", "again", "40", (char *)NULL);
    _exit(98);
}

static void close_and_reuse(void)
{
    others_run();
    CHECK(sem_init(&begun, 0, 0) == 0 && fflush(stdout) == 0 && (report = fcntl(1, F_DUPFD, 40)) == 40);
    for (int i = 0; i < 40; i++)
        close(i);
    reuse();
    _exit(0);
}

int main(int count, char **words)
{
    if (count > 1)
        return again(atoi(words[1]));
    alone("closed at the start", restart);
    alone("closed by the program", close_and_reuse);
    return 0;
}
