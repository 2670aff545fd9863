/* Helpers shared by the benches. Each bench prints lines "name value unit",
 * takes its size from the command line, and fails loudly through CHECK.
 */
#ifndef BENCH_H
#define BENCH_H

#include "../lib/check.h"

#include <netinet/tcp.h>
#include <sys/resource.h>

static inline double now(void)
{
    return seconds(CLOCK_MONOTONIC);
}

static inline void report(const char *name, double value, const char *unit)
{
    printf("%s %.1f %s\n", name, value, unit);
}

/* The nanoseconds of one of `count` operations that began at `begin`. */
static inline void report_each(const char *name, double begin, long count)
{
    report(name, (now() - begin) * 1e9 / (double)count, "ns");
}

/* The argument at `index`, a positive number, or `otherwise` without one. */
static inline long number_argument(int count, char **arguments, int index,
                                   long otherwise)
{
    long number = index < count ? atol(arguments[index]) : otherwise;
    CHECK(number > 0);
    return number;
}

static inline void allow_descriptors(void)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

/* A listening socket on loopback, of this type; says where on standard output. */
static inline int announced_listener(int type, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons(port),
    };
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, type, 0), on = 1;

    CHECK(listener >= 0);
    CHECK(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    CHECK(bind(listener, (struct sockaddr *)&address, size) == 0);
    CHECK(listen(listener, SOMAXCONN) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

static inline void send_at_once(int connection)
{
    int on = 1;
    CHECK(setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
}

#endif
