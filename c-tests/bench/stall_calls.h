/* Calls that must wait, one of each kind, for stall.c: two for a disk, over and
 * over again, and six for somebody who never comes.
 *
 * prepare() runs before there are threads, call() in a thread of its own;
 * waits() comes back when the call is known to wait, where anything tells.
 *
 * Follows fsync(2), posix_fadvise(2), mincore(2), pread(2), getaddrinfo(3),
 * resolver(3), flock(2), fgets(3), waitpid(2), connect(2), listen(2), fifo(7).
 */
#ifndef STALL_CALLS_H
#define STALL_CALLS_H

#include "bench.h"
#include "../lib/name_server.h"

#include <poll.h>
#include <sys/file.h>
#include <sys/mman.h>

enum {
    WRITTEN = 4 << 20,                  /* bytes for each fsync */
    READ = 256 << 10,                   /* bytes for each pread */
    PAGE = 4096, DROPS = 100,
    QUERY_LIMIT_MS = 30000,             /* an upper bound; it takes one */
    RESOLVER_SECONDS = 30, RESOLVER_TRIES = 5,      /* the most that there can be */
};

/* ---- files on a disk --------------------------------------------------------- */

static char bytes[WRITTEN];
static int written_file, read_file;
static char *mapped;                    /* the file to read; nobody touches it */
static long preads_from_cache;

/* Drops the whole file, for pages that a part shares with the rest would be kept. Whether the
 * part to read is really out of the cache then. */
static int drop_from_cache(off_t offset)
{
    unsigned char resident[READ / PAGE];

    CHECK(posix_fadvise(read_file, 0, 0, POSIX_FADV_DONTNEED) == 0);
    CHECK(mincore(mapped + offset, READ, resident) == 0);
    for (size_t page = 0; page < sizeof resident; page++)
        if (resident[page] & 1)
            return 0;
    return 1;
}

/* A file of 4 MiB without a name. */
static int file_in(const char *directory)
{
    char path[PATH_MAX];

    CHECK(snprintf(path, sizeof path, "%s/stall-XXXXXX", directory) < PATH_MAX);
    int file = mkstemp(path);
    CHECK(file >= 0 && unlink(path) == 0);
    write_all(file, bytes, sizeof bytes);
    CHECK(fsync(file) == 0);
    return file;
}

static void prepare_fsync(const char *directory) { written_file = file_in(directory); }

static void prepare_pread(const char *directory)
{
    read_file = file_in(directory);
    mapped = mmap(NULL, WRITTEN, PROT_READ, MAP_SHARED, read_file, 0);
    CHECK(mapped != MAP_FAILED && posix_fadvise(read_file, 0, 0, POSIX_FADV_RANDOM) == 0);
    for (int drop = 0; !drop_from_cache(0); drop++)
        if (drop == DROPS)
            cannot("the files in %s stay in memory", directory);
}

static void write_and_fsync(void)
{
    CHECK(pwrite(written_file, bytes, sizeof bytes, 0) == sizeof bytes);
    CHECK(fsync(written_file) == 0);
}

static void cold_pread(void)
{
    static off_t offset;
    static char into[READ];

    preads_from_cache += !drop_from_cache(offset);
    CHECK(pread(read_file, into, READ, offset) == READ);
    offset = (offset + READ) % WRITTEN;
}

/* ---- a name server without an answer ------------------------------------------- */

static struct name_server silent;

static void prepare_dns(const char *unused)
{
    (void)unused;
    open_name_server(&silent);
}

static void look_up(void)
{
    struct addrinfo hints = { .ai_family = AF_INET }, *list;

    ask_name_server(&silent);
    _res.retrans = RESOLVER_SECONDS;
    _res.retry = RESOLVER_TRIES;
    CHECK(getaddrinfo("silent.invalid.", NULL, &hints, &list) != 0);
}

static void await_query(void)
{
    struct pollfd query = { silent.fd, POLLIN, 0 };
    CHECK(poll(&query, 1, QUERY_LIMIT_MS) == 1);
}

/* ---- another process ----------------------------------------------------------- */

/* A child that does this once, then waits for the end of our process. */
static pid_t idle_child(void (*first)(void))
{
    int ours[2], done[2];
    char byte;

    CHECK(pipe(ours) == 0 && pipe(done) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        close(ours[1]);
        first();
        give(done[1], 'd');
        _exit(read(ours[0], &byte, 1) != 0);
    }
    CHECK(close(ours[0]) == 0);
    CHECK(take(done[0]) == 'd' && close(done[0]) == 0 && close(done[1]) == 0);
    return child;
}

static char lock_path[PATH_MAX];
static int locked_file;
static pid_t child;

static int description(void)
{
    int file = open(lock_path, O_RDWR | O_CREAT, 0600);
    CHECK(file >= 0);
    return file;
}

static void hold_lock(void) { CHECK(flock(description(), LOCK_EX) == 0); }
static void do_nothing(void) {}

static void prepare_flock(const char *directory)
{
    CHECK(snprintf(lock_path, sizeof lock_path, "%s/stall-lock-%d", directory, (int)getpid()) < PATH_MAX);
    locked_file = description();
    idle_child(hold_lock);
    CHECK(unlink(lock_path) == 0);
}

static void lock_file(void) { CHECK(flock(locked_file, LOCK_EX) == 0); }

static void prepare_waitpid(const char *unused)
{
    (void)unused;
    child = idle_child(do_nothing);
}

static void wait_for_child(void) { CHECK(waitpid(child, NULL, 0) == child); }

/* ---- pipes and sockets ----------------------------------------------------------- */

static FILE *silent_stream;
static struct sockaddr_in full_address;
static char fifo_path[PATH_MAX];

static void prepare_fgets(const char *unused)
{
    int ends[2];

    (void)unused;
    CHECK(pipe(ends) == 0 && (silent_stream = fdopen(ends[0], "r")));
}

static void read_line(void)
{
    char line[80];
    CHECK(!fgets(line, sizeof line, silent_stream));
}

/* One connection fills a queue of none: the kernel drops who comes next. */
static void prepare_connect(const char *unused)
{
    (void)unused;
    CHECK(listen(tcp_listener(&full_address), 0) == 0);
    tcp_connect(&full_address);
}

static void connect_in_vain(void) { tcp_connect(&full_address); }

static void remove_fifo(void) { unlink(fifo_path); }

static void prepare_fifo(const char *directory)
{
    CHECK(snprintf(fifo_path, sizeof fifo_path, "%s/stall-fifo-%d", directory, (int)getpid()) < PATH_MAX);
    CHECK(mkfifo(fifo_path, 0600) == 0 && atexit(remove_fifo) == 0);
}

static void open_fifo(void) { CHECK(open(fifo_path, O_RDONLY) >= 0); }

/* ---- all of them --------------------------------------------------------------------- */

struct kind {
    const char *name;
    void (*prepare)(const char *directory);
    void (*call)(void);
    void (*waits)(void);
    int again;                  /* the call comes back, and is made again */
};

static const struct kind kinds[] = {
    { "fsync", prepare_fsync, write_and_fsync, NULL, 1 },
    { "pread", prepare_pread, cold_pread, NULL, 1 },
    { "dns", prepare_dns, look_up, await_query, 0 },
    { "flock", prepare_flock, lock_file, NULL, 0 },
    { "fgets", prepare_fgets, read_line, NULL, 0 },
    { "waitpid", prepare_waitpid, wait_for_child, NULL, 0 },
    { "connect", prepare_connect, connect_in_vain, NULL, 0 },
    { "fifo", prepare_fifo, open_fifo, NULL, 0 },
};

#endif
