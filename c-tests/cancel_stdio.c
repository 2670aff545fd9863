/* A thread cancelled while stdio waits for a pipe gives up the lock of its FILE:
 * another thread goes on with it, and finds what had been read or written:
 * pthreads(7), flockfile(3).
 */
#include "lib/check.h"
#include <semaphore.h>

enum { LINES = 100000 };

static FILE *in, *out;
static sem_t about_to_wait;
static char line[64], *long_line;
static size_t long_size;

static void by_fgets(void) { (void)!fgets(line, sizeof line, in); }
static void by_fread(void) { (void)!fread(line, 1, sizeof line, in); }
static void by_getc(void) { getc(in); }
static void by_getline(void) { (void)!getline(&long_line, &long_size, in); }
static void by_fscanf(void) { (void)!fscanf(in, "%63s", line); }

static void by_fprintf(void)
{
    for (int i = 0; i < LINES; i++)
        fprintf(out, "line %d\n", i);
}

static void by_fputs(void)
{
    for (int i = 0; i < LINES; i++)
        fputs("a line\n", out);
}

static void by_fwrite(void)
{
    static const char block[1 << 20];
    fwrite(block, 1, sizeof block, out);
}

static const struct way {
    const char *name;
    void (*call)(void);
} readers[] = {
    { "fgets", by_fgets },
    { "fread", by_fread },
    { "getc", by_getc },
    { "getline", by_getline },
    { "fscanf", by_fscanf },
}, writers[] = {
    { "fprintf", by_fprintf },
    { "fputs", by_fputs },
    { "fwrite", by_fwrite },
};

static void *call_way(void *argument)
{
    const struct way *way = argument;
    CHECK(sem_post(&about_to_wait) == 0);
    way->call();
    CHECK(!"the call returned");
    return NULL;
}

static void *read_line(void *unused)
{
    char text[64];
    CHECK(fgets(text, sizeof text, in) == text);
    CHECK(strcmp(text, "a line\n") == 0);
    return unused;
}

static void *lock_and_unlock(void *unused)
{
    flockfile(out);
    funlockfile(out);
    return unused;
}

static void open_both(void)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    CHECK((in = fdopen(ends[0], "r")) && (out = fdopen(ends[1], "w")));
}

static void cancel_way(const struct way *way)
{
    pthread_t thread = start(call_way, (void *)way);
    CHECK(sem_wait(&about_to_wait) == 0);
    others_run();
    CHECK(pthread_cancel(thread) == 0);
    CHECK(join(thread) == PTHREAD_CANCELED);
}

int main(void)
{
    CHECK(sem_init(&about_to_wait, 0, 0) == 0);
    open_both();
    for (size_t i = 0; i < COUNT(readers); i++) {
        cancel_way(&readers[i]);
        pthread_t thread = start(read_line, NULL);
        CHECK(fputs("a line\n", out) >= 0 && fflush(out) == 0);
        join(thread);
        printf("%s: cancelled, another reads on\n", readers[i].name);
    }
    for (size_t i = 0; i < COUNT(writers); i++) {
        open_both();
        cancel_way(&writers[i]);
        join(start(lock_and_unlock, NULL));
        CHECK(ftrylockfile(out) == 0);
        funlockfile(out);
        printf("%s: cancelled, the lock is free\n", writers[i].name);
        close(fileno(in));
    }
    free(long_line);
    _exit(fflush(stdout) == 0 ? 0 : 1);
}
