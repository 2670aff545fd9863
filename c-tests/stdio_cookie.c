/* FILEs whose functions are the program's own: while one waits in read() or
 * write(), or for a condition, its FILE is taken, its user and others that
 * want the FILE wait, and everybody else runs. Memory as a FILE:
 * fopencookie(3), fmemopen(3), open_memstream(3).
 */
#include "lib/check.h"
#include <semaphore.h>

enum { READERS = 4, LINES = 50 };

static int ends[2];
static sem_t inside, go_on;
static FILE *shared;

static ssize_t read_pipe(void *cookie, char *data, size_t size)
{
    (void)size;
    CHECK(cookie == ends);
    CHECK(sem_post(&inside) == 0);
    return read(ends[0], data, 8);
}

static ssize_t write_pipe(void *cookie, const char *data, size_t size)
{
    CHECK(cookie == ends);
    CHECK(sem_post(&inside) == 0 && sem_wait(&go_on) == 0);
    return write(ends[1], data, size);
}

static int close_cookie(void *cookie)
{
    CHECK(cookie == ends);
    CHECK(sem_post(&inside) == 0 && sem_wait(&go_on) == 0);
    return 0;
}

static FILE *open_cookie(const char *mode)
{
    cookie_io_functions_t functions = {
        .read = read_pipe, .write = write_pipe, .close = close_cookie,
    };
    FILE *file = fopencookie(ends, mode, functions);
    CHECK(file);
    return file;
}

static void *read_line(void *unused)
{
    char line[16];
    (void)unused;
    CHECK(fgets(line, sizeof line, shared) == line);
    return (void *)atol(line);
}

/* 8 bytes come at a time, a line of 8 is one read. */
static void readers(void)
{
    pthread_t threads[READERS];
    long sum = 0;
    shared = open_cookie("r");
    for (int i = 0; i < READERS; i++)
        threads[i] = start(read_line, NULL);
    for (int i = 0; i < READERS; i++) {
        CHECK(sem_wait(&inside) == 0);
        others_run();
        CHECK(ftrylockfile(shared) != 0 && sem_trywait(&inside) == -1);
        CHECK(dprintf(ends[1], "%07d\n", i + 1) == 8);
    }
    for (int i = 0; i < READERS; i++)
        sum += (long)join(threads[i]);
    printf("%d readers of one FILE, one inside at a time, sum %ld\n", READERS, sum);
    CHECK(sem_post(&go_on) == 0 && fclose(shared) == 0 && sem_wait(&inside) == 0);
}

static void *print_line(void *unused)
{
    CHECK(fprintf(shared, "%s\n", "a line") == 7);
    return unused;
}

static void *print_then_close(void *unused)
{
    CHECK(fputs("the last\n", shared) >= 0 && fclose(shared) == 0);
    return unused;
}

static void writers(void)
{
    char text[32];
    shared = open_cookie("w");
    setvbuf(shared, NULL, _IOLBF, 0);
    pthread_t one = start(print_line, NULL);
    CHECK(sem_wait(&inside) == 0);
    pthread_t two = start(print_line, NULL);
    others_run();
    CHECK(pthread_tryjoin_np(two, NULL) == EBUSY && sem_trywait(&inside) == -1);
    CHECK(sem_post(&go_on) == 0);
    CHECK(sem_wait(&inside) == 0 && sem_post(&go_on) == 0);
    join(one), join(two);
    CHECK(read_all(ends[0], text, 14) == 14 && memcmp(text, "a line\na line\n", 14) == 0);
    puts("a writer waits for the other");

    setvbuf(shared, NULL, _IOFBF, 0);
    one = start(print_then_close, NULL);
    CHECK(sem_wait(&inside) == 0);
    others_run();
    CHECK(sem_post(&go_on) == 0);
    CHECK(sem_wait(&inside) == 0);
    others_run();
    CHECK(sem_post(&go_on) == 0);
    join(one);
    CHECK(read_all(ends[0], text, 9) == 9 && memcmp(text, "the last\n", 9) == 0);
    puts("fclose waits in both functions");
}

/* fflush(NULL) goes through all FILEs, under the lock of their list, and meets
 * the one that waits. */
static void *flush_all(void *unused)
{
    CHECK(fflush(NULL) == 0);
    return unused;
}

static void flushing_all(void)
{
    char text[16];
    shared = open_cookie("w");
    CHECK(fputs("flushed\n", shared) >= 0);
    pthread_t thread = start(flush_all, NULL);
    CHECK(sem_wait(&inside) == 0);
    others_run();
    CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY);
    CHECK(sem_post(&go_on) == 0);
    join(thread);
    CHECK(read_all(ends[0], text, 8) == 8 && memcmp(text, "flushed\n", 8) == 0);
    CHECK(sem_post(&go_on) == 0 && fclose(shared) == 0 && sem_wait(&inside) == 0);
    puts("fflush(NULL) waits in a function");
}

static void *print_many(void *argument)
{
    for (int i = 0; i < LINES; i++) {
        CHECK(fprintf(shared, "%ld%s", (long)argument, i % 10 == 9 ? "\n" : "") > 0);
        sched_yield();
    }
    return NULL;
}

static void memory(void)
{
    pthread_t threads[3];
    char *text, line[8];
    size_t size, digits = 0;
    CHECK((shared = open_memstream(&text, &size)));
    for (long i = 0; i < 3; i++)
        threads[i] = start(print_many, (void *)(i + 1));
    for (int i = 0; i < 3; i++)
        join(threads[i]);
    CHECK(fclose(shared) == 0);
    for (size_t i = 0; i < size; i++)
        digits += text[i] != '\n';
    printf("open_memstream: %zu bytes, %zu digits\n", size, digits);
    free(text);

    char words[] = "one\ntwo\n";
    FILE *file = fmemopen(words, sizeof words - 1, "r");
    CHECK(file && fgets(line, sizeof line, file) && strcmp(line, "one\n") == 0);
    CHECK(fscanf(file, "%7s", line) == 1 && strcmp(line, "two") == 0 && fclose(file) == 0);
    puts("fmemopen: read");
}

int main(void)
{
    CHECK(pipe(ends) == 0);
    CHECK(sem_init(&inside, 0, 0) == 0 && sem_init(&go_on, 0, 0) == 0);
    others_run();
    readers();
    writers();
    flushing_all();
    memory();
    return 0;
}
