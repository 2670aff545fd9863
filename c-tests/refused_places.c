/* /proc, /sys and /dev are empty, /etc and all else is read-only, and at last the root is
 * an almost empty directory: threads need no file. They are made, wait, compute, are
 * cancelled and make children; what is not there is ENOENT, what may not be changed is
 * EROFS. chroot(2), mount_namespaces(7), proc(5).
 *
 * test: env=GREEN_SLICE_MS=10
 */
#include "lib/refuse.h"
#include "lib/computing.h"
#include "lib/own_etc.h"
#include <dirent.h>
#include <netdb.h>
#include <poll.h>
#include <pwd.h>

static int ends[2];

static void *read_one(void *unused)
{
    CHECK(take(ends[0]) == 'x');
    return unused;
}

static void *sleep_long(void *unused)
{
    sleep(1000);
    return unused;
}

static void *leave(void *argument)
{
    pthread_exit(argument);
}

static void threads(void)
{
    CHECK(pipe(ends) == 0);
    pthread_t reader = start(read_one, NULL), sleeper = start(sleep_long, NULL);
    others_run();
    begin_computing(1);
    nap(2);
    end_computing();
    give(ends[1], 'x');
    join(reader);
    CHECK(pthread_cancel(sleeper) == 0 && join(sleeper) == PTHREAD_CANCELED && join(start(leave, ends)) == ends);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        others_run();
        _exit(3);
    }
    printf("  threads, a child: %s\n", child_end(child));
}

#define SHOW(call) printf("  %s: %s\n", #call, (call) ? "done" : errno_name(errno))

static void files(void)
{
    struct stat status;
    char text[64];
    SHOW(open("/proc/self/status", O_RDONLY) != -1);
    SHOW(open("/dev/null", O_RDWR) != -1);
    SHOW(open("/sys/kernel", O_RDONLY) != -1);
    SHOW(stat("/proc/self/status", &status) != -1);
    SHOW(readlink("/proc/self/exe", text, sizeof text) != -1);
    SHOW(opendir("/proc/self") != NULL);
    SHOW(opendir("/dev/fd") != NULL);
    SHOW(getcwd(text, sizeof text) != NULL);
    struct addrinfo *found, numeric = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
    printf("  getaddrinfo: %d\n", getaddrinfo("127.0.0.1", "80", &numeric, &found));
    printf("  sysconf: %d\n", sysconf(_SC_NPROCESSORS_ONLN) >= 1);
}

static void changes(void)
{
    SHOW(open("/etc/passwd", O_WRONLY) != -1);
    SHOW(open("/etc/check-none", O_WRONLY | O_CREAT, 0600) != -1);
    SHOW(open("/check-none/none", O_WRONLY | O_CREAT, 0600) != -1);
    SHOW(fopen("/check-none", "w") != NULL);
    SHOW(mkdir("/check-none", 0700) != -1);
    SHOW(unlink("/etc/passwd") != -1);
    SHOW(rename("/etc/passwd", "/etc/check-none") != -1);
    SHOW(chmod("/etc/passwd", 0600) != -1);
    SHOW(truncate("/etc/passwd", 0) != -1);
    SHOW(symlink("none", "/check-none") != -1);
    SHOW(access("/etc/passwd", W_OK) != -1);
    SHOW(tmpfile() != NULL);
}

static void load_unwinder(void)
{
    /* glibc loads it at the first cancellation; a program that goes where it is not loads it before. */
    join(start(leave, NULL));
}

static void nothing_there(void)
{
    const char *const places[] = { "/proc", "/sys", "/dev" };
    for (size_t i = 0; i < COUNT(places); i++)
        CHECK(mount("none", places[i], "tmpfs", MS_RDONLY, NULL) == 0);
}

static void read_only(void)
{
    CHECK(mount("/", "/mnt", NULL, MS_BIND, NULL) == 0);
    if (mount(NULL, "/mnt", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) == -1) {
        puts("  may not be made read-only here");
        fflush(stdout);
        _exit(0);
    }
    CHECK(chroot("/mnt") == 0 && chdir("/") == 0);
}

static void empty_root(void)
{
    CHECK(mount("none", "/mnt", "tmpfs", 0, NULL) == 0 && mkdir("/mnt/tmp", 01777) == 0);
    CHECK(chroot("/mnt") == 0 && chdir("/") == 0);
}

static void without(void) { nothing_there(), threads(), files(); }
static void without_later(void) { threads(), nothing_there(), threads(), files(); }
static void unchanged(void) { read_only(), threads(), files(), changes(); }
static void empty(void) { load_unwinder(), empty_root(), threads(), files(); }

static void (*body)(void);

static void in_own_namespace(void)
{
    if (own_namespace(0))
        body();
}

int main(void)
{
    const struct { const char *name; void (*body)(void); } cases[] = {
        { "no /proc, /sys, /dev", without }, { "the same after the first thread", without_later },
        { "read-only", unchanged }, { "an empty root", empty },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        body = cases[i].body;
        alone(cases[i].name, in_own_namespace);
    }
    return 0;
}
