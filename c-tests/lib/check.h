/* Helpers shared by the tests.
 *
 * A test prints what it saw, the same bytes natively and under green threads,
 * and leaves with status 1 at the first result that is wrong. Include this
 * header before any other: it asks glibc for all it offers.
 *
 *   CHECK(condition)        must hold (verdict.h, as is errno_name)
 *   FAILS(error, call)      must return -1 with this errno; printed
 *   start, join             threads
 *   others_run              returns only if other threads run meanwhile
 *   give, take              one-byte tokens through a pipe or socket
 *   write_all, read_all     whole buffers
 *   pattern_*               a stream whose bytes tell their offset
 *   tcp_*, unix_*           loopback sockets
 */
#ifndef CHECK_H
#define CHECK_H

#include "verdict.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- verdicts ---------------------------------------------------------- */

#define FAILS(error, call)                                      \
    do {                                                        \
        errno = 0;                                              \
        CHECK((call) == -1);                                    \
        if (errno != (error))                                   \
            check_failed(__FILE__, __LINE__, #call " = " #error); \
        printf("%s: %s\n", #call, #error);                      \
    } while (0)

/* ---- threads ----------------------------------------------------------- */

typedef void *thread_body(void *);

static inline pthread_t start(thread_body *body, void *argument)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, body, argument) == 0);
    return thread;
}

static inline void *join(pthread_t thread)
{
    void *result;
    CHECK(pthread_join(thread, &result) == 0);
    return result;
}

/* ---- bytes ------------------------------------------------------------- */

static inline void give(int fd, char token)
{
    CHECK(write(fd, &token, 1) == 1);
}

static inline char take(int fd)
{
    char token;
    CHECK(read(fd, &token, 1) == 1);
    return token;
}

static inline void write_all(int fd, const void *data, size_t size)
{
    const char *next = data;
    while (size > 0) {
        ssize_t count = write(fd, next, size);
        CHECK(count > 0);
        next += count;
        size -= (size_t)count;
    }
}

/* Reads until `size` bytes are there or the stream ends; returns how many. */
static inline size_t read_all(int fd, void *data, size_t size)
{
    size_t total = 0;
    while (total < size) {
        ssize_t count = read(fd, (char *)data + total, size - total);
        CHECK(count >= 0);
        if (count == 0)
            break;
        total += (size_t)count;
    }
    return total;
}

static inline unsigned char pattern_byte(size_t offset)
{
    return (unsigned char)((offset ^ offset >> 8 ^ offset >> 16) * 31 + 7);
}

static inline void pattern_fill(void *data, size_t size, size_t offset)
{
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)data)[i] = pattern_byte(offset + i);
}

static inline void pattern_check(const void *data, size_t size, size_t offset)
{
    for (size_t i = 0; i < size; i++)
        CHECK(((const unsigned char *)data)[i] == pattern_byte(offset + i));
}

/* ---- progress ---------------------------------------------------------- */

static void *others_run_echo(void *argument)
{
    const int *ends = argument;
    for (int i = 0; i < 20; i++)
        give(ends[1], take(ends[0]));
    return NULL;
}

/* Twenty round trips with a fresh thread, each of which needs both threads to
 * wait and to run. Called while some thread sits in a blocking call, it comes
 * back only if that call holds up nobody else. */
static inline void others_run(void)
{
    int there[2], back[2];
    CHECK(pipe(there) == 0 && pipe(back) == 0);
    int ends[2] = { there[0], back[1] };
    pthread_t echo = start(others_run_echo, ends);
    for (char i = 0; i < 20; i++) {
        give(there[1], i);
        CHECK(take(back[0]) == i);
    }
    join(echo);
    close(there[0]), close(there[1]), close(back[0]), close(back[1]);
}

/* ---- time -------------------------------------------------------------- */

static inline double seconds(clockid_t clock)
{
    struct timespec now;
    CHECK(clock_gettime(clock, &now) == 0);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- sockets ----------------------------------------------------------- */

static inline int tcp_listener(struct sockaddr_in *address)
{
    socklen_t length = sizeof *address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(listener >= 0);
    *address = (struct sockaddr_in){ .sin_family = AF_INET };
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener, (struct sockaddr *)address, length) == 0);
    CHECK(listen(listener, 128) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)address, &length) == 0);
    return listener;
}

static inline int tcp_connect(const struct sockaddr_in *address)
{
    int client = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(client >= 0);
    CHECK(connect(client, (const struct sockaddr *)address,
                  sizeof *address) == 0);
    return client;
}

static inline void tcp_pair(int ends[2])
{
    struct sockaddr_in address;
    int listener = tcp_listener(&address);
    ends[0] = tcp_connect(&address);
    ends[1] = accept(listener, NULL, NULL);
    CHECK(ends[1] >= 0);
    close(listener);
}

struct unix_address {
    struct sockaddr_un name;
    socklen_t length;
};

/* The kernel picks a free abstract name (autobind, unix(7)): no file stays. */
static inline int unix_listener(struct unix_address *address, int backlog)
{
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(listener >= 0);
    *address = (struct unix_address){ .name.sun_family = AF_UNIX };
    CHECK(bind(listener, (struct sockaddr *)&address->name,
               sizeof(sa_family_t)) == 0);
    CHECK(listen(listener, backlog) == 0);
    address->length = sizeof address->name;
    CHECK(getsockname(listener, (struct sockaddr *)&address->name,
                      &address->length) == 0);
    return listener;
}

static inline int unix_connect(const struct unix_address *address)
{
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(client >= 0);
    CHECK(connect(client, (const struct sockaddr *)&address->name,
                  address->length) == 0);
    return client;
}

/* ---- files and children ------------------------------------------------ */

/* An empty file without a name; `flags` may add O_APPEND and the like. */
static inline int temporary_file(int flags)
{
    char path[] = "/tmp/check-XXXXXX";
    int file = mkostemp(path, flags);
    CHECK(file >= 0);
    CHECK(unlink(path) == 0);
    return file;
}

/* The end that a child's status tells: "exit 3" or "killed by SIGPIPE". */
static inline const char *how_it_ended(int status)
{
    static char text[40];
    if (WIFEXITED(status))
        snprintf(text, sizeof text, "exit %d", WEXITSTATUS(status));
    else
        snprintf(text, sizeof text, "killed by SIG%s",
                 sigabbrev_np(WTERMSIG(status)));
    return text;
}

/* Waits for the child and tells its end. */
static inline const char *child_end(pid_t child)
{
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    return how_it_ended(status);
}

#endif
