/* RLIMIT_STACK when the program begins gives threads their size where attributes give
 * none: a small one, a large one, none at all. The main thread has what the limit says.
 * getrlimit(2), pthread_attr_init(3), pthread_create(3).
 */
#include "lib/refuse.h"
#include <sys/mman.h>

static void *use_it(void *size)
{
    pthread_attr_t attributes;
    void *lowest;
    size_t mine, guard;
    CHECK(pthread_getattr_np(pthread_self(), &attributes) == 0);
    CHECK(pthread_attr_getstack(&attributes, &lowest, &mine) == 0);
    CHECK(pthread_attr_getguardsize(&attributes, &guard) == 0 && pthread_attr_destroy(&attributes) == 0);
    CHECK(mine >= *(size_t *)size - guard);
    volatile char room[4096];
    for (size_t i = 0; i < sizeof room; i += 512)
        room[i] = 1;
    return size;
}

static int again(void)
{
    pthread_attr_t attributes;
    struct rlimit now;
    size_t size;
    CHECK(getrlimit(RLIMIT_STACK, &now) == 0);
    CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_getstacksize(&attributes, &size) == 0);
    printf("  threads get %zu KiB\n", size >> 10);
    for (int i = 0; i < 3; i++)
        CHECK(join(start(use_it, &size)) == &size);
    others_run();
    CHECK(usleep(1000) == 0);
    int file = temporary_file(0);
    CHECK(write(file, "abc", 3) == 3 && fsync(file) == 0 && close(file) == 0);
    puts("  threads ran");
    return 0;
}

static rlim_t next;

static void restart(void)
{
    limit(RLIMIT_STACK, next);
    CHECK(fflush(stdout) == 0);
    execl("/proc/self/exe", "again", "again", (char *)NULL);
    CHECK(!"execl");
}

int main(int count, char **words)
{
    static const struct { const char *name; rlim_t size; } sizes[] = {
        { "128 KiB", 128 << 10 }, { "1 MiB", 1 << 20 }, { "64 MiB", 64 << 20 }, { "1 GiB", 1 << 30 },
        { "no limit", UNLIMITED },
    };
    if (count > 1 && strcmp(words[1], "again") == 0)
        return again();
    for (size_t i = 0; i < COUNT(sizes); i++) {
        next = sizes[i].size;
        alone(sizes[i].name, restart);
    }
    return 0;
}
