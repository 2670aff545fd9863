/* flock() that has to wait stops the calling thread alone, whether a process or
 * a thread holds the lock, until the holder unlocks, closes or dies. The owner
 * is the open file description. It is interrupted, but is no cancellation
 * point: flock(2).
 */
#include "lib/beside.h"
#include <sched.h>
#include <sys/file.h>
#include <sys/prctl.h>

#include "lib/waits.h"

#include "lib/locked.h"
#include "lib/other.h"

static int mine, theirs;

static void obey(char word)
{
    static int lock = -1;
    if (lock < 0)
        lock = description();
    switch (word) {
    case 'x': CHECK(flock(lock, LOCK_EX) == 0); break;
    case 's': CHECK(flock(lock, LOCK_SH) == 0); break;
    case 'u': CHECK(flock(lock, LOCK_UN) == 0); break;
    case 'c': CHECK(close(lock) == 0); lock = -1; break;
    }
}

static void process_excludes(void *unused) { (void)unused; tell('x'); }
static void process_shares(void *unused) { (void)unused; tell('s'); }
static void process_unlocks(void *unused) { (void)unused; tell('u'); }
static void process_closes(void *unused) { (void)unused; tell('c'); }

static void thread_excludes(void *unused) { (void)unused; CHECK(flock(theirs, LOCK_EX) == 0); }
static void thread_unlocks(void *unused) { (void)unused; CHECK(flock(theirs, LOCK_UN) == 0); }

static long lock_and_unlock(int operation)
{
    int result = flock(mine, operation);
    if (result == 0)
        CHECK(flock(mine, LOCK_UN) == 0);
    return result;
}

static long exclusive(void) { return lock_and_unlock(LOCK_EX); }
static long shared(void) { return lock_and_unlock(LOCK_SH); }

static struct wait waits[] = {
    { "LOCK_EX, a process unlocks", process_excludes, exclusive, is_waiting, process_unlocks, 1, 0 },
    { "LOCK_SH, a process closes", process_excludes, shared, is_waiting, process_closes, 1, 0 },
    { "LOCK_EX, a process dies", process_shares, exclusive, is_waiting, other_dies, 1, 0 },
    { "LOCK_EX, a thread unlocks", thread_excludes, exclusive, is_waiting, thread_unlocks, 1, 0 },
};

static void *same_description(void *unused)
{
    CHECK(flock(dup(mine), LOCK_EX | LOCK_NB) == 0);
    return unused;
}

int main(void)
{
    file = temporary_file(0);
    mine = description(), theirs = description();
    in_four_ways(waits, COUNT(waits));
    other_dies(NULL);

    CHECK(flock(theirs, LOCK_EX) == 0);
    FAILS(EWOULDBLOCK, flock(mine, LOCK_EX | LOCK_NB));
    FAILS(EWOULDBLOCK, flock(mine, LOCK_SH | LOCK_NB));
    CHECK(flock(theirs, LOCK_SH) == 0 && flock(mine, LOCK_SH | LOCK_NB) == 0);
    FAILS(EWOULDBLOCK, flock(mine, LOCK_EX | LOCK_NB));
    CHECK(close(theirs) == 0 && flock(mine, LOCK_EX | LOCK_NB) == 0);
    join(start(same_description, NULL));
    FAILS(EWOULDBLOCK, flock(file, LOCK_SH | LOCK_NB));
    puts("the owner is the description: dup in another thread has the lock");
    FAILS(EINVAL, flock(mine, 0));
    FAILS(EBADF, flock(-1, LOCK_EX));
    return 0;
}
