/* fcntl() that has to wait for a record lock stops the calling thread alone:
 * F_SETLKW, whose locks belong to the process, and F_OFD_SETLKW, whose locks
 * belong to the open file description. Both are cancellation points. The kernel
 * sees a deadlock of two processes: fcntl(2), fcntl_locking(2).
 */
#include "lib/beside.h"
#include <sched.h>
#include <sys/prctl.h>

#include "lib/locked.h"
#include "lib/other.h"
#include "lib/waits.h"

static int mine, theirs;

static int lock(int descriptor, int command, short type, off_t from, off_t size)
{
    struct flock region = { .l_type = type, .l_whence = SEEK_SET, .l_start = from, .l_len = size };
    return fcntl(descriptor, command, &region);
}

/* Who keeps this process from a write lock: 0 is nobody. */
static pid_t owner(int command, off_t from, off_t size)
{
    struct flock region = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = from, .l_len = size };
    CHECK(fcntl(file, command, &region) == 0);
    return region.l_type == F_UNLCK ? 0 : region.l_pid;
}

static void obey(char word)
{
    switch (word) {
    case 'w': CHECK(lock(file, F_SETLK, F_WRLCK, 0, 10) == 0); break;
    case 'r': CHECK(lock(file, F_SETLK, F_RDLCK, 0, 10) == 0); break;
    case 'u': CHECK(lock(file, F_SETLK, F_UNLCK, 5, 5) == 0); break;
    case 'c': CHECK(close(description()) == 0); break; /* any descriptor of the file */
    case 'p': CHECK(owner(F_GETLK, 0, 10) == getppid()); break;
    case 'n': CHECK(owner(F_GETLK, 0, 10) == 0); break;
    case 'd': /* holds 0 to 9 and waits for 20 to 29, after the answer */
        CHECK(lock(file, F_SETLK, F_WRLCK, 0, 10) == 0);
        give(wire[1], 'k');
        CHECK(lock(file, F_SETLKW, F_WRLCK, 20, 10) == 0);
        CHECK(lock(file, F_SETLK, F_UNLCK, 0, 0) == 0);
    }
}

static void process_writes(void *unused) { (void)unused; tell('w'); }
static void process_reads(void *unused) { (void)unused; tell('r'); }
static void process_unlocks(void *unused) { (void)unused; tell('u'); }
static void process_closes(void *unused) { (void)unused; tell('c'); }

static void thread_writes(void *unused)
{
    other_dies(unused);
    CHECK(lock(theirs, F_OFD_SETLK, F_WRLCK, 0, 10) == 0);
}

static void thread_unlocks(void *unused)
{
    (void)unused;
    CHECK(lock(theirs, F_OFD_SETLK, F_UNLCK, 0, 10) == 0);
}

static long lock_and_unlock(int command, short type)
{
    int result = lock(mine, command, type, 5, 5);
    if (result == 0)
        CHECK(lock(mine, command, F_UNLCK, 5, 5) == 0);
    return result;
}

static long setlkw_write(void) { return lock_and_unlock(F_SETLKW, F_WRLCK); }
static long setlkw_read(void) { return lock_and_unlock(F_SETLKW, F_RDLCK); }
static long ofd_write(void) { return lock_and_unlock(F_OFD_SETLKW, F_WRLCK); }

static struct wait waits[] = {
    { "F_SETLKW, a process unlocks", process_writes, setlkw_write, is_waiting, process_unlocks, 1, 1 },
    { "F_SETLKW to read, a process closes", process_writes, setlkw_read, is_waiting, process_closes, 1, 1 },
    { "F_OFD_SETLKW, a process dies", process_reads, ofd_write, is_waiting, other_dies, 1, 1 },
    { "F_OFD_SETLKW, a thread unlocks", thread_writes, ofd_write, is_waiting, thread_unlocks, 1, 1 },
    { "F_SETLKW, a thread unlocks its F_OFD lock", thread_writes, setlkw_write, is_waiting,
      thread_unlocks, 1, 1 },
};

static void *take_write_lock(void *unused)
{
    CHECK(lock(file, F_SETLK, F_WRLCK, 0, 10) == 0);
    return unused;
}

static void process_owns(void)
{
    join(start(take_write_lock, NULL));
    CHECK(owner(F_GETLK, 0, 10) == 0 && lock(mine, F_SETLKW, F_WRLCK, 0, 10) == 0);
    tell('p');
    puts("a lock that an ended thread took is the process's");
    CHECK(close(description()) == 0);
    tell('n');
    puts("closing any descriptor of the file drops it");
    other_dies(NULL); /* it has inherited all descriptions */
    CHECK(lock(theirs, F_OFD_SETLK, F_WRLCK, 0, 10) == 0 && close(description()) == 0);
    CHECK(owner(F_OFD_GETLK, 0, 10) == -1);
    FAILS(EAGAIN, lock(mine, F_OFD_SETLK, F_RDLCK, 0, 1));
    CHECK(close(dup(theirs)) == 0 && owner(F_OFD_GETLK, 0, 10) == -1);
    CHECK(close(theirs) == 0 && owner(F_OFD_GETLK, 0, 10) == 0);
    puts("an F_OFD lock goes with its description");
}

static void *deadlock(void *unused)
{
    FAILS(EDEADLK, lock(file, F_SETLKW, F_WRLCK, 5, 1));
    return unused;
}

static void *wait_for_process(void *unused)
{
    CHECK(lock(mine, F_SETLKW, F_WRLCK, 0, 10) == 0);
    return unused;
}

int main(void)
{
    file = temporary_file(0);
    mine = description(), theirs = description();
    in_four_ways(waits, COUNT(waits));
    thread_unlocks(NULL);
    process_owns();

    CHECK(lock(file, F_SETLK, F_WRLCK, 20, 10) == 0);
    tell('d');
    is_waiting(NULL);
    join(start(deadlock, NULL));
    CHECK(lock(file, F_SETLK, F_UNLCK, 20, 10) == 0);
    CHECK(take(wire[0]) == 'k');
    join(start(wait_for_process, NULL));
    puts("the other process got its lock");

    other_dies(NULL);
    int read_only = open("/dev/null", O_RDONLY);
    FAILS(EBADF, lock(read_only, F_SETLKW, F_WRLCK, 0, 1));
    FAILS(EBADF, lock(-1, F_SETLKW, F_WRLCK, 0, 1));
    FAILS(EBADF, lock(-1, F_OFD_SETLKW, F_WRLCK, 0, 1));
    FAILS(EINVAL, lock(file, F_SETLKW, 77, 0, 1));
    FAILS(EINVAL, lock(file, F_SETLKW, F_WRLCK, -1, 1));
    struct flock with_pid = { .l_type = F_WRLCK, .l_pid = 1 };
    FAILS(EINVAL, fcntl(file, F_OFD_SETLKW, &with_pid));
    FAILS(EFAULT, fcntl(file, F_SETLKW, NULL));
    return 0;
}
