/* Load for an echo server: ACTIVE connections, each with one request under way, for
 * MILLISECONDS (longer, if ACTIVE answers have not come by then), beside IDLE ones.
 * Prints requests per second and the 50th and 99th percentile of the time to answer.
 * Every answer is checked, and every connection, active or idle, gets one before the
 * clock starts. With 0 milliseconds it prints "connected" instead, and holds the
 * connections until standard input ends: epoll(7), socket(7) (SO_LINGER),
 * ip(7) (IP_BIND_ADDRESS_NO_PORT).
 *
 *     echo_client PORT [ACTIVE [MILLISECONDS [IDLE]]]
 */
#include "bench.h"

#include <sys/epoll.h>

enum { MESSAGE = 64, BATCH = 256, KEPT = 1 << 22, PORTS = 4000 };

struct connection {
    int fd;
    size_t received;            /* bytes of the answer so far */
    uint64_t number;            /* of the request, at the head of its message */
    double sent;
};

static float *times;            /* microseconds; the first KEPT answers */
static size_t answers;

static void ask(struct connection *connection)
{
    char message[MESSAGE] = { 0 };

    connection->number++;
    connection->received = 0;
    memcpy(message, &connection->number, sizeof connection->number);
    connection->sent = now();
    CHECK(send(connection->fd, message, MESSAGE, MSG_NOSIGNAL) == MESSAGE);
}

/* True once the whole answer is there. */
static int hear(struct connection *connection)
{
    char message[MESSAGE];
    uint64_t number;
    ssize_t count = recv(connection->fd, message, MESSAGE - connection->received, 0);

    CHECK(count > 0);
    if (connection->received == 0 && count >= (ssize_t)sizeof number) {
        memcpy(&number, message, sizeof number);
        CHECK(number == connection->number);
    }
    connection->received += (size_t)count;
    if (connection->received < MESSAGE)
        return 0;
    if (answers < KEPT)
        times[answers] = (float)((now() - connection->sent) * 1e6);
    answers++;
    return 1;
}

static int by_size(const void *left, const void *right)
{
    float one = *(const float *)left, other = *(const float *)right;
    return (one > other) - (one < other);
}

static void report_times(const char *label, double elapsed)
{
    size_t kept = answers < KEPT ? answers : KEPT;
    char name[64];

    CHECK(kept > 0);
    qsort(times, kept, sizeof *times, by_size);
    snprintf(name, sizeof name, "%s_requests", label);
    report(name, (double)answers / elapsed, "req/s");
    snprintf(name, sizeof name, "%s_p50", label);
    report(name, times[kept / 2], "us");
    snprintf(name, sizeof name, "%s_p99", label);
    report(name, times[kept * 99 / 100], "us");
}

/* Connects, and asks. In the end the connection is reset, so that no port is kept in
 * TIME_WAIT. */
static void open_connection(struct connection *connection, long number,
                            const struct sockaddr_in *address)
{
    struct linger reset = { .l_onoff = 1, .l_linger = 0 };
    struct sockaddr_in from = { .sin_family = AF_INET };
    int on = 1;

    /* Where most ports of an address are taken, finding a free one takes long. */
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + (uint32_t)(number / PORTS));
    connection->fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connection->fd >= 0);
    CHECK(setsockopt(connection->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) == 0);
    CHECK(bind(connection->fd, (struct sockaddr *)&from, sizeof from) == 0);
    CHECK(connect(connection->fd, (const struct sockaddr *)address, sizeof *address) == 0);
    CHECK(setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
    send_at_once(connection->fd);
    ask(connection);
}

/* All connections, a batch at a time, which fits the server's queue; each has had its
 * answer in the end. */
static void open_all(int epoll, struct connection *all, long count,
                     const struct sockaddr_in *address)
{
    for (long first = 0; first < count; first += BATCH) {
        long end = first + BATCH < count ? first + BATCH : count;
        for (long index = first; index < end; index++)
            open_connection(&all[index], index, address);
        for (long index = first; index < end; index++) {
            struct epoll_event event = { .events = EPOLLIN, .data.ptr = &all[index] };
            while (!hear(&all[index]))
                ;
            CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, all[index].fd, &event) == 0);
        }
    }
}

static void exchange(int epoll, struct connection *all, long active, double duration,
                     const char *label)
{
    struct epoll_event events[BATCH];
    double begin = now(), end = begin + duration;

    answers = 0;
    for (long index = 0; index < active; index++)
        ask(&all[index]);
    while (now() < end || answers < (size_t)active) {
        int ready = epoll_wait(epoll, events, BATCH, 1000);
        CHECK(ready >= 0 || errno == EINTR);
        for (int index = 0; index < ready; index++)
            if (hear(events[index].data.ptr))
                ask(events[index].data.ptr);
    }
    report_times(label, now() - begin);
}

int main(int count, char **arguments)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)number_argument(count, arguments, 1, 0)),
    };
    long active = number_argument(count, arguments, 2, 100);
    double duration = (double)size_argument(count, arguments, 3) / 1000;
    long idle = size_argument(count, arguments, 4);
    struct connection *all = calloc((size_t)(active + idle), sizeof *all);
    int epoll = epoll_create1(0);
    char label[64];

    times = malloc(KEPT * sizeof *times);
    CHECK(all && times && epoll >= 0);
    allow_descriptors(active + idle + 100);
    open_all(epoll, all, active + idle, &address);
    if (duration > 0) {
        snprintf(label, sizeof label, idle ? "echo_%ld_idle_%ld" : "echo_%ld", active, idle);
        exchange(epoll, all, active, duration, label);
    } else {
        puts("connected");
        fflush(stdout);
        char byte;
        CHECK(read(STDIN_FILENO, &byte, 1) == 0);
    }
    return 0;
}
