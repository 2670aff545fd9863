/* RLIMIT_NPROC is used up for a user without privileges: no kernel thread and no child
 * can be made. The first pthread_create(3) may say EAGAIN, or make a thread that runs;
 * fork(2) says EAGAIN. What exists goes on: sleeps, pipes, locks, files and names work.
 * Without the limit there are threads and children again. getrlimit(2), fork(2).
 *
 * test: libgreen-line
 */
#include "lib/refuse.h"
#include <netdb.h>
#include <poll.h>
#include <pwd.h>
#include <sys/file.h>

enum { NOBODY = 54321 };

static int ends[2];

static void *read_one(void *unused)
{
    CHECK(take(ends[0]) == 'x');
    return unused;
}

static void no_more(void)
{
    pthread_t thread;
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    CHECK(child == -1 && errno == EAGAIN);
    int error = pthread_create(&thread, NULL, read_one, NULL);
    CHECK(error == 0 || error == EAGAIN);
    if (error == 0) {
        give(ends[1], 'x');
        join(thread);
    }
    CHECK(popen("exit 0", "r") == NULL);
    puts("  no child, perhaps a thread");
}

static void what_exists(void)
{
    char path[] = "/tmp/check-XXXXXX";
    struct stat status;
    struct pollfd entry = { ends[0], POLLIN, 0 };
    int file = mkstemp(path);
    CHECK(file >= 0 && write(file, "abc", 3) == 3 && fsync(file) == 0 && flock(file, LOCK_EX) == 0);
    CHECK(stat(path, &status) == 0 && unlink(path) == 0 && close(file) == 0);
    CHECK(usleep(1000) == 0 && poll(&entry, 1, 1) == 0);
    struct addrinfo *found;
    CHECK(getaddrinfo("127.0.0.1", "80", NULL, &found) == 0);
    freeaddrinfo(found);
    CHECK(getpwuid(0) != NULL);
    puts("  a file, a poll, a name");
}

static void become_nobody(void)
{
    CHECK(setresgid(NOBODY, NOBODY, NOBODY) == 0 && setresuid(NOBODY, NOBODY, NOBODY) == 0);
}

static void back_again(void)
{
    limit(RLIMIT_NPROC, UNLIMITED);
    others_run();
    pid_t child = fork();
    if (child == 0)
        _exit(4);
    CHECK(child > 0 && strcmp(child_end(child), "exit 4") == 0);
    puts("  without the limit: threads and children");
}

static void before(void)
{
    limit(RLIMIT_NPROC, 1);
    become_nobody();
    no_more();
    what_exists();
    back_again();
}

static void after(void)
{
    become_nobody();
    pthread_t reader = start(read_one, NULL);
    others_run();
    limit(RLIMIT_NPROC, 1);
    no_more();
    what_exists();
    give(ends[1], 'x');
    join(reader);
    back_again();
}

static void while_a_thread_waits(void)
{
    others_run();
    become_nobody();
    limit(RLIMIT_NPROC, 0);
    what_exists();
    no_more();
    back_again();
}

int main(void)
{
    if (geteuid() != 0) {
        puts("not root, nothing tried");
        return 0;
    }
    CHECK(pipe(ends) == 0);
    alone("before the first thread", before);
    alone("after it", after);
    alone("another user after it", while_a_thread_waits);
    return 0;
}
