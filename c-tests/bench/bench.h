/* Helpers shared by the benches. Each bench prints lines "name value unit",
 * takes its size from the command line, and fails loudly through CHECK. What
 * this machine cannot hold is no fault: cannot() says so, and the status is 3.
 * Follows pthread_create(3), pthread_attr_setstacksize(3), getrlimit(2).
 */
#ifndef BENCH_H
#define BENCH_H

#include "../lib/check.h"

#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/resource.h>

enum { LEFT_OUT = 3 };

static inline double now(void)
{
    return seconds(CLOCK_MONOTONIC);
}

static inline void report(const char *name, double value, const char *unit)
{
    printf("%s %.3f %s\n", name, value, unit);
}

/* The nanoseconds of one of `count` operations that began at `begin`. */
static inline void report_each(const char *name, double begin, long count)
{
    report(name, (now() - begin) * 1e9 / (double)count, "ns");
}

/* The time from the moment when the first of many threads begins to the one when the
 * last has ended, without their creation and without what they do afterwards. */
struct stretch {
    atomic_int begun;
    double begin, end;
};

static inline void begin_stretch(struct stretch *stretch)
{
    if (!atomic_load(&stretch->begun) && !atomic_exchange(&stretch->begun, 1))
        stretch->begin = now();
}

static inline void end_stretch(struct stretch *stretch)
{
    stretch->end = now();       /* the last one's stays */
}

static inline double seconds_of(const struct stretch *stretch)
{
    return stretch->end - stretch->begin;
}

/* The argument at `index`, a positive number, or `otherwise` without one. */
static inline long number_argument(int count, char **arguments, int index,
                                   long otherwise)
{
    long number = index < count ? atol(arguments[index]) : otherwise;
    CHECK(number > 0);
    return number;
}

/* Like number_argument, but 0 is allowed, and meant without one. */
static inline long size_argument(int count, char **arguments, int index)
{
    long size = index < count ? atol(arguments[index]) : 0;
    CHECK(size >= 0);
    return size;
}

/* Ends the bench, which is left out of the table for this reason. */
__attribute__((noreturn, format(printf, 1, 2)))
static inline void cannot(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vdprintf(2, format, arguments);
    _exit(LEFT_OUT);
}

/* Tries to create a thread with so many KiB of stack, 0: as by default. */
static inline int try_to_start(pthread_t *thread, thread_body *body, void *argument,
                               long stack_kib)
{
    pthread_attr_t attributes;
    CHECK(pthread_attr_init(&attributes) == 0);
    if (stack_kib > 0)
        CHECK(pthread_attr_setstacksize(&attributes, (size_t)stack_kib << 10) == 0);
    int error = pthread_create(thread, &attributes, body, argument);
    pthread_attr_destroy(&attributes);
    return error;
}

/* One of many threads: where the machine has room for `others` only, that is the end. */
static inline pthread_t start_one_of(long others, thread_body *body, void *argument,
                                     long stack_kib)
{
    pthread_t thread;
    int error = try_to_start(&thread, body, argument, stack_kib);
    if (error != 0)
        cannot("after %ld threads pthread_create: %s", others, strerror(error));
    return thread;
}

/* As many descriptors as we may have, `wanted` at least. */
static inline void allow_descriptors(long wanted)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    struct rlimit more = { limit.rlim_max, limit.rlim_max };
    if ((rlim_t)wanted > more.rlim_max)
        more = (struct rlimit){ (rlim_t)wanted, (rlim_t)wanted };
    if (setrlimit(RLIMIT_NOFILE, &more) != 0)       /* only root may raise the hard limit */
        cannot("%ld descriptors are not allowed, %ld are", wanted, (long)limit.rlim_max);
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
