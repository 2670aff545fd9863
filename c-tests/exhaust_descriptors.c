/* There is no descriptor left (EMFILE), before the first thread or after it. A call
 * that makes one says so, at once; a call that makes none does not notice, and waits
 * as ever: getrlimit(2) (RLIMIT_NOFILE), open(2), accept(2), and the page of each.
 *
 * test: libgreen-line
 */
#include "lib/exchange.h"
#include "lib/refuse.h"
#include <dirent.h>
#include <netdb.h>
#include <poll.h>
#include <pwd.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <spawn.h>

#define SHOW(call) show_result(#call, (call) != -1)
#define SHOW_POINTER(call) show_result(#call, (call) != NULL)

extern char **environ;

static int data[2], pair[2], connection[2], sets[2];
static sem_t begun;

static void show_result(const char *what, int done)
{
    printf("  %s: %s\n", what, done ? "done" : errno_name(errno));
}

static void makers(void)
{
    int ends[2];
    sigset_t set;
    char template[] = "/tmp/check-XXXXXX";
    sigemptyset(&set);
    SHOW(open("/dev/null", O_RDONLY));
    SHOW(open("/does/not/exist", O_RDONLY));
    SHOW(open("/proc/self/status", O_RDONLY));
    SHOW(openat(AT_FDCWD, "/", O_PATH));
    SHOW(creat("/tmp/check-none/none", 0600));
    SHOW(mkstemp(template));
    SHOW_POINTER(fopen("/etc/passwd", "r"));
    SHOW_POINTER(fopen("/does/not/exist", "r"));
    SHOW_POINTER(tmpfile());
    SHOW_POINTER(opendir("/"));
    SHOW_POINTER(popen("true", "r"));
    SHOW(socket(AF_INET, SOCK_STREAM, 0));
    SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    SHOW(pipe(ends));
    SHOW(dup(0));
    SHOW(fcntl(0, F_DUPFD, 0));
    SHOW(epoll_create1(0));
    SHOW(eventfd(0, 0));
    SHOW(timerfd_create(CLOCK_MONOTONIC, 0));
    SHOW(signalfd(-1, &set, 0));
    SHOW(inotify_init());
    SHOW(memfd_create("check", 0));
}

static void not_makers(void)
{
    struct stat status;
    struct addrinfo *found, numeric = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
    struct timespec moment = { 0, 1000000 };
    char text[64];
    SHOW(stat("/etc/passwd", &status));
    SHOW(stat("/does/not/exist", &status));
    SHOW(lstat("/proc/self/exe", &status));
    SHOW(access("/tmp", W_OK));
    SHOW(readlink("/proc/self/exe", text, sizeof text));
    SHOW(mkdir("/does/not/exist", 0700));
    SHOW(rename("/does/not/exist", "/does/not/either"));
    SHOW(dup2(data[0], data[0]));
    SHOW(nanosleep(&moment, NULL));
    SHOW(select(0, NULL, NULL, NULL, &(struct timeval){ 0, 1000 }));
    printf("  getaddrinfo: %d\n", getaddrinfo("127.0.0.1", "80", &numeric, &found));
}

/* ---- what waits ---------------------------------------------------------- */

static void *by_read(void *unused) { CHECK(sem_post(&begun) == 0 && take(data[0]) == 'x'); return unused; }

static void *by_poll(void *unused)
{
    struct pollfd both[] = { { pair[0], POLLIN, 0 }, { connection[0], POLLIN, 0 } };
    CHECK(sem_post(&begun) == 0 && poll(both, 2, -1) == 1 && take(pair[0]) == 'x');
    return unused;
}

static void *by_select(void *unused)
{
    fd_set some;
    FD_ZERO(&some);
    FD_SET(pair[0], &some);
    CHECK(sem_post(&begun) == 0 && select(pair[0] + 1, &some, NULL, NULL, NULL) == 1 && take(pair[0]) == 'x');
    return unused;
}

static void *by_epoll(void *unused)
{
    struct epoll_event event;
    CHECK(sem_post(&begun) == 0 && epoll_wait(sets[0], &event, 1, -1) == 1 && take(data[0]) == 'x');
    return unused;
}

static void *by_recv(void *unused)
{
    char byte;
    CHECK(sem_post(&begun) == 0 && recv(connection[0], &byte, 1, 0) == 1);
    return unused;
}

static void waiters(void)
{
    const struct { const char *name; thread_body *body; int to; } ways[] = {
        { "read", by_read, data[1] }, { "poll", by_poll, pair[1] }, { "select", by_select, pair[1] },
        { "epoll_wait", by_epoll, data[1] }, { "recv", by_recv, connection[1] },
    };
    for (size_t i = 0; i < COUNT(ways); i++) {
        pthread_t thread = start(ways[i].body, NULL);
        CHECK(sem_wait(&begun) == 0);
        exchange();
        give(ways[i].to, 'x');
        join(thread);
        printf("  %s waited\n", ways[i].name);
    }
}

static void a_child(void)
{
    exchange();
    waiters();
    makers();
}

static void everything(void)
{
    makers();
    not_makers();
    waiters();
    alone("a child", a_child);
}

static void use_up(void)
{
    limit(RLIMIT_NOFILE, 64);
    use_up_descriptors();
}

static void before(void) { use_up(), everything(); }
static void after(void) { exchange(), use_up(), everything(); }

/* And back again. */
static void one_left(void)
{
    exchange();
    limit(RLIMIT_NOFILE, 64);
    int last = use_up_descriptors();
    for (int i = 0; i < 3; i++) {
        CHECK(close(last) == 0 && open("/etc/passwd", O_RDONLY) == last);
        CHECK(open("/etc/passwd", O_RDONLY) == -1 && errno == EMFILE);
        CHECK(close(last) == 0);
        FILE *file = fopen("/proc/self/status", "r");
        CHECK(file && fileno(file) == last && fgetc(file) == 'N' && fclose(file) == 0);
        DIR *directory = opendir("/");
        CHECK(directory && dirfd(directory) == last && readdir(directory) && closedir(directory) == 0);
        CHECK(dup(0) == last);
    }
    puts("  used again and again");
}

int main(void)
{
    struct epoll_event event = { .events = EPOLLIN };
    CHECK(sem_init(&begun, 0, 0) == 0 && pipe(data) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    tcp_pair(connection);
    CHECK((sets[0] = epoll_create1(0)) >= 0 && epoll_ctl(sets[0], EPOLL_CTL_ADD, data[0], &event) == 0);
    alone("before the first thread", before);
    alone("after the first thread", after);
    alone("one left", one_left);
    return 0;
}
