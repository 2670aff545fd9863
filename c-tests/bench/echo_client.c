/* Load for an echo server: CONNECTIONS connections, each with one request under
 * way, for MILLISECONDS. Prints requests per second and the 50th and 99th
 * percentile of the time to answer. Every answer is checked: epoll(7).
 *
 *     echo_client PORT CONNECTIONS MILLISECONDS
 */
#include "bench.h"

#include <sys/epoll.h>

enum { MESSAGE = 64, BATCH = 256, KEPT = 1 << 22 };

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

static void report_times(const char *label, long connections, double elapsed)
{
    size_t kept = answers < KEPT ? answers : KEPT;
    char name[64];

    CHECK(kept > 0);
    qsort(times, kept, sizeof *times, by_size);
    snprintf(name, sizeof name, "%s_%ld_requests", label, connections);
    report(name, (double)answers / elapsed, "req/s");
    snprintf(name, sizeof name, "%s_%ld_p50", label, connections);
    report(name, times[kept / 2], "us");
    snprintf(name, sizeof name, "%s_%ld_p99", label, connections);
    report(name, times[kept * 99 / 100], "us");
}

int main(int count, char **arguments)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)number_argument(count, arguments, 1, 0)),
    };
    long connections = number_argument(count, arguments, 2, 100);
    double duration = (double)number_argument(count, arguments, 3, 1000) / 1000;
    struct connection *all = calloc((size_t)connections, sizeof *all);
    struct epoll_event events[BATCH];
    int epoll = epoll_create1(0);

    times = malloc(KEPT * sizeof *times);
    CHECK(all && times && epoll >= 0);
    allow_descriptors();
    for (long index = 0; index < connections; index++) {
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = &all[index] };
        all[index].fd = tcp_connect(&address);
        send_at_once(all[index].fd);
        CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, all[index].fd, &event) == 0);
    }

    double begin = now(), end = begin + duration;
    for (long index = 0; index < connections; index++)
        ask(&all[index]);
    while (now() < end) {
        int ready = epoll_wait(epoll, events, BATCH, 1000);
        CHECK(ready >= 0 || errno == EINTR);
        for (int index = 0; index < ready; index++)
            if (hear(events[index].data.ptr))
                ask(events[index].data.ptr);
    }
    report_times("echo", connections, now() - begin);
    return 0;
}
