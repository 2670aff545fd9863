/* MSG_PEEK and MSG_TRUNC wait for data and leave it there; a read of TCP data
 * stops at the urgent mark, select() and poll() tell of urgent data, and
 * SIGURG is for the owner: recv(2), tcp(7), sockatmark(3), fcntl(2) (F_SETOWN).
 */
#include "lib/check.h"
#include <poll.h>
#include <sys/select.h>

static int ends[2];
static pthread_t peeker;
static volatile sig_atomic_t urgent;

static void on_urgent(int number)
{
    (void)number;
    urgent++;
}

static void *peek(void *flags)
{
    char text[8];
    ssize_t count = recv(ends[0], text, 4, MSG_PEEK | (int)(long)flags);
    return (void *)(long)count;
}

static long peeked(int flags, const char *data)
{
    peeker = start(peek, (void *)(long)flags);
    others_run();
    CHECK(pthread_tryjoin_np(peeker, NULL) == EBUSY);
    CHECK(send(ends[1], data, strlen(data), 0) == (ssize_t)strlen(data));
    return (long)join(peeker);
}

/* Two peek at what a third then takes: none of them misses it. */
static void several(void)
{
    pthread_t peekers[2];
    for (int i = 0; i < 2; i++)
        peekers[i] = start(peek, NULL);
    others_run();
    give(ends[1], 'x');
    for (int i = 0; i < 2; i++)
        CHECK(join(peekers[i]) == (void *)1);
    CHECK(take(ends[0]) == 'x');
    puts("two peek at one byte");
}

static void *wait_for_urgent(void *how)
{
    if (how) {
        struct pollfd polled = { ends[0], POLLPRI, 0 };
        CHECK(poll(&polled, 1, -1) == 1 && polled.revents == POLLPRI);
    } else {
        fd_set set;
        FD_ZERO(&set);
        FD_SET(ends[0], &set);
        CHECK(select(ends[0] + 1, NULL, NULL, &set, NULL) == 1);
    }
    return NULL;
}

static void *read_normal(void *unused)
{
    (void)unused;
    char text[8];
    return (void *)read(ends[0], text, sizeof text);
}

static void urgent_data(void)
{
    char text[8];
    FAILS(EINVAL, recv(ends[0], text, 1, MSG_OOB));
    CHECK(fcntl(ends[0], F_SETOWN, getpid()) == 0);
    for (long how = 0; how < 2; how++) {
        pthread_t waiter = start(wait_for_urgent, (void *)how);
        pthread_t reader = start(read_normal, NULL);
        others_run();
        CHECK(send(ends[1], "abc!", 4, MSG_OOB) == 4);
        join(waiter);
        CHECK(join(reader) == (void *)3);
        CHECK(sockatmark(ends[0]) == 1);
        CHECK(recv(ends[0], text, 1, MSG_OOB) == 1 && *text == '!');
        CHECK(send(ends[1], "def", 3, 0) == 3);
        CHECK(read_all(ends[0], text, 3) == 3 && memcmp(text, "def", 3) == 0);
        CHECK(sockatmark(ends[0]) == 0);
    }
    while (urgent == 0)
        sched_yield();
    puts("urgent data: select, poll, the mark, SIGURG");

    int on = 1;
    CHECK(setsockopt(ends[0], SOL_SOCKET, SO_OOBINLINE, &on, sizeof on) == 0);
    pthread_t waiter = start(wait_for_urgent, NULL);
    others_run();
    CHECK(send(ends[1], "gh", 2, MSG_OOB) == 2);
    join(waiter);
    CHECK(read(ends[0], text, sizeof text) == 1 && *text == 'g');
    CHECK(sockatmark(ends[0]) == 1);
    CHECK(read(ends[0], text, sizeof text) == 1 && *text == 'h');
    puts("inline: the mark divides the reads");
}

int main(void)
{
    struct sigaction action = { .sa_handler = on_urgent, .sa_flags = SA_RESTART };
    CHECK(sigaction(SIGURG, &action, NULL) == 0);
    tcp_pair(ends);
    printf("tcp: peeks at %ld", peeked(0, "abc"));
    printf(", takes %ld\n", (long)read_normal(NULL));
    several();
    urgent_data();

    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
    printf("datagram: peeks at %ld", peeked(0, "abcdef"));
    printf(", of %ld", (long)peek((void *)MSG_TRUNC));
    printf(", takes %ld\n", (long)read_normal(NULL));
    return 0;
}
