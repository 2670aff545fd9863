/* Blocking on a descriptor never changes its status flags, neither during nor
 * after the wait, neither here nor in another process that shares the open
 * file: fcntl(2) (F_GETFL), open(2) ("Open file descriptions").
 */
#include "lib/check.h"

enum { KINDS = 5 };

static const char *names[KINDS] = {
    "pipe reader", "pipe writer", "socketpair", "tcp listener", "udp",
};
static int fds[KINDS];

static void show(const int values[KINDS])
{
    for (int i = 0; i < KINDS; i++)
        printf("  %s: access %d%s\n", names[i], values[i] & O_ACCMODE,
               values[i] & O_NONBLOCK ? ", non-blocking" : "");
}

static void read_flags(int values[KINDS])
{
    for (int i = 0; i < KINDS; i++)
        CHECK((values[i] = fcntl(fds[i], F_GETFL)) >= 0);
}

/* The other process: answers each question with the flags as it sees them. */
static pid_t start_witness(int channel, int parents_end)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        char question;
        close(parents_end);
        while (read(channel, &question, 1) == 1) {
            int values[KINDS];
            read_flags(values);
            write_all(channel, values, sizeof values);
        }
        _exit(0);
    }
    return child;
}

static void compare(const char *when, const int before[KINDS], int witness)
{
    int here[KINDS], there[KINDS];
    read_flags(here);
    give(witness, '?');
    CHECK(read_all(witness, there, sizeof there) == sizeof there);
    CHECK(memcmp(here, before, sizeof here) == 0);
    CHECK(memcmp(there, before, sizeof there) == 0);
    printf("%s:\n", when);
    show(here);
}

static void *read_byte(void *fd) { take(*(int *)fd); return NULL; }

static void *fill_pipe(void *fd)
{
    static char data[1 << 18];
    CHECK(write(*(int *)fd, data, sizeof data) == sizeof data);
    return NULL;
}

static void *accept_one(void *fd)
{
    int client = accept(*(int *)fd, NULL, NULL);
    CHECK(client >= 0);
    CHECK(fcntl(client, F_GETFL) == O_RDWR);
    close(client);
    return NULL;
}

int main(void)
{
    int in[2], out[2], pair[2], channel[2], before[KINDS];
    struct sockaddr_in tcp, udp = { .sin_family = AF_INET };
    socklen_t length = sizeof udp;

    CHECK(pipe(in) == 0 && pipe(out) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, channel) == 0);
    fds[0] = in[0], fds[1] = out[1], fds[2] = pair[0];
    fds[3] = tcp_listener(&tcp);
    fds[4] = socket(AF_INET, SOCK_DGRAM, 0);
    udp.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(fds[4], (struct sockaddr *)&udp, length) == 0);
    CHECK(getsockname(fds[4], (struct sockaddr *)&udp, &length) == 0);

    read_flags(before);
    pid_t witness = start_witness(channel[1], channel[0]);
    close(channel[1]);
    compare("before", before, channel[0]);

    pthread_t threads[KINDS] = {
        start(read_byte, &fds[0]), start(fill_pipe, &fds[1]),
        start(read_byte, &fds[2]), start(accept_one, &fds[3]),
        start(read_byte, &fds[4]),
    };
    others_run();
    compare("while threads wait", before, channel[0]);

    static char data[1 << 18];
    give(in[1], 'x');
    CHECK(read_all(out[0], data, sizeof data) == sizeof data);
    give(pair[1], 'x');
    close(tcp_connect(&tcp));
    CHECK(sendto(fds[4], "x", 1, 0, (struct sockaddr *)&udp, length) == 1);
    for (int i = 0; i < KINDS; i++)
        join(threads[i]);
    compare("after", before, channel[0]);

    close(channel[0]);
    CHECK(strcmp(child_end(witness), "exit 0") == 0);
    return 0;
}
