/* Many threads wait for file locks at once, half of them in flock(), half in
 * F_OFD_SETLKW. A name look-up and an fsync() still complete; then all get
 * the lock, one after the other: flock(2), fcntl_locking(2).
 */
#include "lib/beside.h"
#include <netdb.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/resource.h>

#include "lib/locked.h"

#ifndef THREADS
#define THREADS 300
#endif

static int inside[2], passed[2];

static int record_lock(int descriptor, int command, short type)
{
    struct flock whole = { .l_type = type, .l_whence = SEEK_SET };
    return fcntl(descriptor, command, &whole);
}

/* No atomic operations: the lock makes them unnecessary. */
static void pass(int kind)
{
    int before = passed[kind];
    CHECK(++inside[kind] == 1);
    sched_yield();
    CHECK(--inside[kind] == 0);
    passed[kind] = before + 1;
}

static void *by_flock(void *unused)
{
    int lock = description();
    CHECK(flock(lock, LOCK_EX) == 0);
    pass(0);
    CHECK(close(lock) == 0);
    return unused;
}

static void *by_record(void *unused)
{
    int lock = description();
    CHECK(record_lock(lock, F_OFD_SETLKW, F_WRLCK) == 0);
    pass(1);
    CHECK(record_lock(lock, F_OFD_SETLK, F_UNLCK) == 0);
    CHECK(close(lock) == 0);
    return unused;
}

static void *look_up(void *unused)
{
    struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *list;
    char host[NI_MAXHOST];
    CHECK(getaddrinfo("localhost", "80", &hints, &list) == 0);
    CHECK(getnameinfo(list->ai_addr, list->ai_addrlen, host, sizeof host, NULL, 0, 0) == 0);
    freeaddrinfo(list);
    return unused;
}

static void *synchronise(void *unused)
{
    int data = temporary_file(0);
    write_all(data, "data", 4);
    CHECK(fsync(data) == 0 && fdatasync(data) == 0 && close(data) == 0);
    return unused;
}

int main(void)
{
    static pthread_t threads[THREADS];
    struct rlimit files;
    CHECK(getrlimit(RLIMIT_NOFILE, &files) == 0);
    files.rlim_cur = files.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0);

    file = temporary_file(0);
    CHECK(flock(file, LOCK_EX) == 0 && record_lock(file, F_OFD_SETLK, F_WRLCK) == 0);
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(i % 2 ? by_flock : by_record, NULL);
    while (waiters() < THREADS)
        sched_yield();
    others_run();
    dprintf(2, "longest tick beside them: %.1f ms\n", longest_of_twenty_ticks());
    printf("%d threads wait\n", THREADS);

    join(start(look_up, NULL));
    puts("a look-up completes");
    join(start(synchronise, NULL));
    puts("fsync completes");

    CHECK(passed[0] == 0 && passed[1] == 0);
    CHECK(flock(file, LOCK_UN) == 0 && record_lock(file, F_OFD_SETLK, F_UNLCK) == 0);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    printf("passed: %d and %d\n", passed[0], passed[1]);
    CHECK(passed[0] == THREADS / 2 && passed[1] == THREADS / 2);
    return 0;
}
