/* lockf() with F_LOCK stops the calling thread alone, is interrupted and is a
 * cancellation point; F_TLOCK, F_TEST and F_ULOCK do not wait. Regions begin at
 * the file position, locks belong to the process: lockf(3).
 */
#include "lib/beside.h"
#include <sched.h>
#include <sys/prctl.h>

#include "lib/locked.h"
#include "lib/other.h"
#include "lib/waits.h"

static void obey(char word)
{
    switch (word) {
    case 'l': CHECK(lseek(file, 0, SEEK_SET) == 0 && lockf(file, F_LOCK, 10) == 0); break;
    case 'u': CHECK(lseek(file, 0, SEEK_SET) == 0 && lockf(file, F_ULOCK, 10) == 0); break;
    case 'd': /* waits for 20 to 29, after the answer */
        CHECK(lseek(file, 20, SEEK_SET) == 20);
        give(wire[1], 'k');
        CHECK(lockf(file, F_LOCK, 10) == 0);
        CHECK(lseek(file, 0, SEEK_SET) == 0 && lockf(file, F_ULOCK, 0) == 0);
    }
}

static int mine;

static void process_locks(void *unused) { (void)unused; tell('l'); }
static void process_unlocks(void *unused) { (void)unused; tell('u'); }

static long lock(void)
{
    int result = lockf(mine, F_LOCK, 5);
    if (result == 0)
        CHECK(lockf(mine, F_ULOCK, 5) == 0);
    return result;
}

static long lock64_to_the_end(void)
{
    int result = lockf64(mine, F_LOCK, 0);
    if (result == 0)
        CHECK(lockf64(mine, F_ULOCK, 0) == 0);
    return result;
}

static struct wait waits[] = {
    { "lockf", process_locks, lock, is_waiting, process_unlocks, 1, 1 },
    { "lockf64 to the end of all files", process_locks, lock64_to_the_end, is_waiting, other_dies, 1, 1 },
};

static void *deadlock(void *unused)
{
    CHECK(lseek(mine, 0, SEEK_SET) == 0);
    FAILS(EDEADLK, lockf(mine, F_LOCK, 10));
    return unused;
}

static void *lock_again(void *unused)
{
    CHECK(lockf(file, F_LOCK, 10) == 0 && lockf(mine, F_TEST, 10) == 0);
    return unused;
}

int main(void)
{
    file = temporary_file(0);
    mine = description();
    in_four_ways(waits, COUNT(waits));

    tell('l');
    FAILS(EAGAIN, lockf(mine, F_TLOCK, 1));
    FAILS(EACCES, lockf(mine, F_TEST, 1));
    CHECK(lseek(mine, 9, SEEK_SET) == 9);
    FAILS(EACCES, lockf(mine, F_TEST, 0));
    FAILS(EACCES, lockf64(mine, F_TEST, -1));
    CHECK(lseek(mine, 20, SEEK_SET) == 20 && lockf(mine, F_TEST, 0) == 0);
    CHECK(lockf(mine, F_TLOCK, 10) == 0);
    puts("nobody has 20 to 29");

    tell('d');
    is_waiting(NULL);
    join(start(deadlock, NULL));
    CHECK(lseek(mine, 20, SEEK_SET) == 20 && lockf(mine, F_ULOCK, 10) == 0);
    CHECK(take(wire[0]) == 'k');
    other_dies(NULL);
    puts("the other process got its lock");

    join(start(lock_again, NULL));
    CHECK(lockf(file, F_LOCK, 10) == 0);
    puts("another thread's lock is the process's");
    FAILS(EINVAL, lockf(mine, 77, 1));
    FAILS(EINVAL, lockf(mine, F_LOCK, -100));
    FAILS(EBADF, lockf(-1, F_LOCK, 1));
    FAILS(EBADF, lockf(-1, F_TEST, 1));
    return 0;
}
