/* Blocking calls of a program without signal handlers never fail with EINTR,
 * and sleeps are never short, while two threads compute for 300 ms and others
 * keep the waiting ones busy: signal(7), "Interruption of system calls".
 *
 * test: timeout=20
 * test: env=GREEN_SLICE_MS=10
 */
#include "lib/computing.h"
#include <poll.h>

static int wire[2], ends[2], quiet[2];
static sem_t posted;
static volatile int stop;

static void *use_read(void *count)
{
    char byte = 0;
    while (byte != 'e') {
        CHECK(read(wire[0], &byte, 1) == 1);
        ++*(int *)count;
    }
    return NULL;
}

static void *use_recv(void *count)
{
    char byte = 0;
    while (byte != 'e') {
        CHECK(recv(ends[0], &byte, 1, 0) == 1);
        ++*(int *)count;
    }
    return NULL;
}

static void *use_sem_wait(void *count)
{
    while (!stop) {
        CHECK(sem_wait(&posted) == 0);
        ++*(int *)count;
    }
    return NULL;
}

static void *use_poll(void *count)
{
    struct pollfd input = { .fd = quiet[0], .events = POLLIN };
    while (!stop) {
        CHECK(poll(&input, 1, 3) == 0);
        ++*(int *)count;
    }
    return NULL;
}

static void *use_nanosleep(void *count)
{
    struct timespec time = { 0, 3000000 };
    while (!stop) {
        double begin = seconds(CLOCK_MONOTONIC);
        CHECK(nanosleep(&time, NULL) == 0);
        CHECK(seconds(CLOCK_MONOTONIC) - begin >= 0.003);
        ++*(int *)count;
    }
    return NULL;
}

static const struct {
    const char *name;
    thread_body *body;
} uses[] = {
    { "read", use_read },
    { "recv", use_recv },
    { "sem_wait", use_sem_wait },
    { "poll", use_poll },
    { "nanosleep", use_nanosleep },
};

static void feed(char byte)
{
    give(wire[1], byte);
    CHECK(send(ends[1], &byte, 1, 0) == 1);
    CHECK(sem_post(&posted) == 0);
}

static int all_above_one(const int *counts)
{
    for (size_t i = 0; i < COUNT(uses); i++)
        if (__atomic_load_n(&counts[i], __ATOMIC_SEQ_CST) <= 1)
            return 0;
    return 1;
}

int main(void)
{
    pthread_t threads[COUNT(uses)];
    int counts[COUNT(uses)] = { 0 };
    CHECK(pipe(wire) == 0 && pipe(quiet) == 0 && sem_init(&posted, 0, 0) == 0);
    tcp_pair(ends);
    for (size_t i = 0; i < COUNT(uses); i++)
        threads[i] = start(uses[i].body, &counts[i]);
    begin_computing(2);
    double end = seconds(CLOCK_MONOTONIC) + 0.3;
    do {
        nap(5);
        feed('x');
    } while (seconds(CLOCK_MONOTONIC) < end || !all_above_one(counts));
    stop = 1;
    feed('e');
    for (size_t i = 0; i < COUNT(uses); i++) {
        join(threads[i]);
        CHECK(counts[i] > 1);
        printf("%s: never interrupted\n", uses[i].name);
    }
    end_computing();
    return 0;
}
