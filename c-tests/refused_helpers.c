/* From some moment on the process may have no kernel thread more: EAGAIN, as at
 * RLIMIT_NPROC (all processes of a user share that) or a limit of a cgroup's. The threads
 * that exist go on: one waits for a lock, one for a record lock, one for any child, and others
 * run meanwhile. clone(2), getrlimit(2), flock(2), fcntl(2), wait(2).
 */
#include "lib/scarcity.h"
#include "lib/locked.h"
#include <sys/file.h>

static pid_t child;
static int gate[2], other;

static void *by_flock(void *unused)
{
    begin();
    CHECK(flock(other, LOCK_EX) == 0 && flock(other, LOCK_UN) == 0);
    return unused;
}

static void *by_record(void *unused)
{
    struct flock whole = { .l_type = F_WRLCK };
    begin();
    CHECK(fcntl(other, F_OFD_SETLKW, &whole) == 0);
    whole.l_type = F_UNLCK;
    CHECK(fcntl(other, F_OFD_SETLK, &whole) == 0);
    return unused;
}

static void *by_wait(void *unused)
{
    int status;
    begin();
    CHECK(wait(&status) == child && WEXITSTATUS(status) == 5);
    return unused;
}

static void release_flock(void)
{
    exchange_with_partner();
    CHECK(flock(file, LOCK_UN) == 0);
}

static void release_record(void)
{
    struct flock whole = { .l_type = F_UNLCK };
    exchange_with_partner();
    CHECK(fcntl(file, F_OFD_SETLK, &whole) == 0);
}

static void release_child(void) { give(gate[1], 'x'); }

static void the_flock(void)
{
    CHECK(flock(file, LOCK_EX) == 0);
    one_waits(by_flock, no_more_threads, release_flock);
}

static void the_record(void)
{
    struct flock whole = { .l_type = F_WRLCK };
    CHECK(fcntl(file, F_OFD_SETLK, &whole) == 0);
    one_waits(by_record, no_more_threads, release_record);
}

static void the_child(void)
{
    CHECK((child = fork()) >= 0);
    if (child == 0) {
        char byte;
        CHECK(close(gate[1]) == 0);
        _exit(read(gate[0], &byte, 1) == 1 ? 5 : 0);
    }
    one_waits(by_wait, no_more_threads, release_child);
}

int main(void)
{
    CHECK(pipe(gate) == 0);
    file = temporary_file(0);
    other = description();
    alone("flock", the_flock);
    alone("fcntl", the_record);
    alone("wait", the_child);
    return 0;
}
