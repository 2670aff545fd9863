/* A thread that makes one system call after the other, none of which waits, lets others run: another sleeps for
 * a millisecond ten times meanwhile, then tells it to stop. Follows sched(7), stat(2), mmap(2), madvise(2),
 * pwrite(2), ftruncate(2), fallocate(2), getrandom(2), copy_file_range(2).
 *
 *     preempt_syscalls [CALL]
 *
 * test: timeout=20
 * test: env=GREEN_SLICE_MS=10
 */
#include "lib/computing.h"
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>

enum { NAPS = 10, MIB = 1 << 20, MUCH = 32 * MIB };

static char bytes[MIB];
static int file, source, target;
static volatile int stop;

static void do_stat(void)
{
    struct stat found;
    CHECK(stat("/", &found) == 0);
}

static void do_mmap(void)
{
    void *memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    CHECK(memory != MAP_FAILED && munmap(memory, MIB) == 0);
}

static void do_copy_file_range(void)
{
    loff_t from = 0, to = 0;
    CHECK(copy_file_range(source, &from, target, &to, MUCH, 0) > 0);
}

static void do_fallocate(void) { CHECK(fallocate(file, 0, 0, MUCH) == 0 && ftruncate(file, 0) == 0); }
static void do_pwrite(void) { CHECK(pwrite(file, bytes, MIB, 0) == MIB); }
static void do_getrandom(void) { CHECK(getrandom(bytes, MIB, 0) > 0); }
static void do_syscall(void) { CHECK(syscall(SYS_getrandom, bytes, MIB, 0) > 0); }

static const struct row {
    const char *name;
    void (*call)(void);
} rows[] = {
    { "stat", do_stat },
    { "mmap and munmap", do_mmap },
    { "pwrite to memory", do_pwrite },
    { "fallocate and ftruncate", do_fallocate },
    { "copy_file_range", do_copy_file_range },
    { "getrandom", do_getrandom },
    { "getrandom by syscall", do_syscall },
};

static void *call_till_stopped(void *argument)
{
    const struct row *row = argument;
    while (!stop)
        row->call();
    return NULL;
}

int main(int argc, char **argv)
{
    CHECK((file = memfd_create("file", 0)) >= 0);
    CHECK((source = memfd_create("source", 0)) >= 0 && (target = memfd_create("target", 0)) >= 0);
    CHECK(ftruncate(source, MUCH) == 0 && setvbuf(stdout, NULL, _IOLBF, 0) == 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (argc > 1 && strcmp(argv[1], rows[i].name) != 0)
            continue;
        stop = 0;
        pthread_t thread = start(call_till_stopped, (void *)&rows[i]);
        for (int n = 0; n < NAPS; n++)
            nap(1);
        stop = 1;
        join(thread);
        printf("%s: %d naps meanwhile\n", rows[i].name, NAPS);
    }
    return 0;
}
