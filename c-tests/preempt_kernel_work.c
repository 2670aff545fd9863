/* System calls that work for long in the kernel, and one that waits there and is not libc's, do all that they
 * were asked for, beside a thread that computes, for nobody has sent a signal:
 * getrandom and reads of /dev/urandom and /dev/zero give as many bytes as were wanted, copy_file_range copies
 * as many, io_getevents waits until its time is over. Follows getrandom(2), urandom(4), zero(4),
 * copy_file_range(2), io_getevents(2); signal(7), "Interruption of system calls".
 *
 *     preempt_kernel_work [CALL]
 *
 * test: env=GREEN_SLICE_MS=10
 */
#include "lib/computing.h"
#include <linux/aio_abi.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>

enum { ROUNDS = 5, MUCH = 32 << 20 };

static char *bytes;
static int urandom, zero, source, target;
static aio_context_t context;

static int do_getrandom(void) { return getrandom(bytes, MUCH - 1, 0) == MUCH - 1; }
static int read_urandom(void) { return read(urandom, bytes, MUCH) == MUCH; }
static int read_zero(void) { return read(zero, bytes, MUCH) == MUCH; }

static int do_copy_file_range(void)
{
    loff_t from = 0, to = 0;
    return copy_file_range(source, &from, target, &to, MUCH, 0) == MUCH;
}

static int do_io_getevents(void)
{
    struct io_event event;
    struct timespec time = { 0, 20000000 };
    return syscall(SYS_io_getevents, context, 1L, 1L, &event, &time) == 0;
}

static const struct row {
    const char *name;
    int (*call)(void);
} rows[] = {
    { "getrandom", do_getrandom },
    { "read of /dev/urandom", read_urandom },
    { "read of /dev/zero", read_zero },
    { "copy_file_range", do_copy_file_range },
    { "io_getevents", do_io_getevents },
};

int main(int argc, char **argv)
{
    CHECK((bytes = malloc(MUCH)));
    memset(bytes, 'x', MUCH);
    CHECK((urandom = open("/dev/urandom", O_RDONLY)) >= 0 && (zero = open("/dev/zero", O_RDONLY)) >= 0);
    CHECK((source = memfd_create("source", 0)) >= 0 && (target = memfd_create("target", 0)) >= 0);
    CHECK(ftruncate(source, MUCH) == 0 && syscall(SYS_io_setup, 8, &context) == 0);
    begin_computing(1);
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (argc > 1 && strcmp(argv[1], rows[i].name) != 0)
            continue;
        int right = 0;
        for (int round = 0; round < ROUNDS; round++)
            right += rows[i].call();
        printf("%s: %d of %d times all of it\n", rows[i].name, right, ROUNDS);
    }
    end_computing();
    CHECK(syscall(SYS_io_destroy, context) == 0);
    return 0;
}
