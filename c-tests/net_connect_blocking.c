/* connect() from many threads: it waits when a UNIX listener's queue is full,
 * leaves no error behind, and fails with the errno of connect(2); the
 * non-blocking kind says EINPROGRESS and tells the rest by SO_ERROR.
 */
#include "lib/check.h"
#include <poll.h>

enum { CLIENTS = 8 };

static struct unix_address unix_name;
static struct sockaddr_in tcp_name;

static int pending_error(int fd)
{
    int error = -1;
    socklen_t length = sizeof error;
    CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0);
    return error;
}

static void *connect_unix(void *unused)
{
    (void)unused;
    int fd = unix_connect(&unix_name);
    CHECK(pending_error(fd) == 0 && fcntl(fd, F_GETFL) == O_RDWR);
    CHECK(take(fd) == 'u');
    close(fd);
    return NULL;
}

static void *connect_tcp(void *unused)
{
    (void)unused;
    int fd = tcp_connect(&tcp_name);
    CHECK(pending_error(fd) == 0 && fcntl(fd, F_GETFL) == O_RDWR);
    CHECK(take(fd) == 't');
    FAILS(EISCONN, connect(fd, (struct sockaddr *)&tcp_name, sizeof tcp_name));
    close(fd);
    return NULL;
}

static void greet(int listener, int count, char word)
{
    while (count-- > 0) {
        int fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0);
        give(fd, word);
        close(fd);
    }
}

static void many(thread_body *body, int listener, char word)
{
    pthread_t clients[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = start(body, NULL);
    others_run();
    greet(listener, CLIENTS, word);
    for (int i = 0; i < CLIENTS; i++)
        join(clients[i]);
}

static void wrong(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un missing = { AF_UNIX, "/nonexistent/socket" };
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    FAILS(ENOENT, connect(fd, (struct sockaddr *)&missing, sizeof missing));
    FAILS(EINVAL, connect(fd, (struct sockaddr *)&missing, 1));
    FAILS(EINVAL, connect(fd, (struct sockaddr *)&v4, sizeof v4));

    struct unix_address gone;
    close(unix_listener(&gone, 1));
    FAILS(ECONNREFUSED, connect(fd, (struct sockaddr *)&gone.name, gone.length));

    int inet = socket(AF_INET, SOCK_STREAM, 0);
    FAILS(EAFNOSUPPORT, connect(inet, (struct sockaddr *)&missing, sizeof v4));
}

static void nonblocking(int listener)
{
    struct sockaddr *name = (struct sockaddr *)&tcp_name;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    FAILS(EINPROGRESS, connect(fd, name, sizeof tcp_name));
    struct pollfd wait = { fd, POLLOUT, 0 };
    CHECK(poll(&wait, 1, -1) == 1 && wait.revents == POLLOUT);
    CHECK(pending_error(fd) == 0);
    greet(listener, 1, 'n');
    close(fd);
    close(listener);

    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    FAILS(EINPROGRESS, connect(fd, name, sizeof tcp_name));
    wait.fd = fd;
    CHECK(poll(&wait, 1, -1) == 1 && wait.revents & POLLERR);
    CHECK(pending_error(fd) == ECONNREFUSED);
    close(fd);
    puts("SO_ERROR: ECONNREFUSED");

    struct unix_address full;
    unix_listener(&full, 0);
    unix_connect(&full);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    FAILS(EAGAIN, connect(fd, (struct sockaddr *)&full.name, full.length));
}

int main(void)
{
    int unix_fd = unix_listener(&unix_name, 1);
    int tcp_fd = tcp_listener(&tcp_name);
    many(connect_unix, unix_fd, 'u');
    printf("unix: %d threads connected\n", CLIENTS);
    many(connect_tcp, tcp_fd, 't');
    printf("tcp: %d threads connected\n", CLIENTS);
    wrong();
    nonblocking(tcp_fd);
    return 0;
}
