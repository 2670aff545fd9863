/* 32 receivers and their 32 senders open, duplicate and close pipes and sockets
 * for some seconds, so that every descriptor number is soon another channel's:
 * by whatever way a receiver waits, it gets the messages of its own channel and
 * generation, all of them, and the end: close(2), dup(2) ("lowest-numbered"),
 * pipe(7), epoll(7).
 *
 * test: args=3
 * test: seeds=3
 * test: slow
 */
#include "lib/check.h"
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/time.h>
#include <sys/uio.h>

enum { PAIRS = 32, PATIENCE = 10, WAYS = 8 };

struct message {
    int pair, generation, number, last;
};

static struct pair {
    int id, generation, count, abandoned;
    int reader, writer, spare, quiet, set, is_socket;
    unsigned seed, sender_seed, way;
    volatile unsigned progress;
    sem_t given, done;
    pthread_t receiver, sender;
} pairs[PAIRS];

static volatile int over;

static unsigned pick(unsigned *seed, unsigned below) { return (unsigned)rand_r(seed) % below; }

/* ---- the sender ------------------------------------------------------------- */

static ssize_t send_by(unsigned way, int fd, int is_socket, struct message *message)
{
    struct iovec pieces[] = { { message, 4 }, { (char *)message + 4, sizeof *message - 4 } };
    if (way == 0)
        return writev(fd, pieces, 2);
    if (way == 1 && is_socket)
        return send(fd, message, sizeof *message, MSG_NOSIGNAL);
    return write(fd, message, sizeof *message);
}

static void pause_a_little(unsigned *seed)
{
    struct timespec time = { 0, (long)pick(seed, 2000) * 1000 };
    switch (pick(seed, 8)) {
    case 0:
        nanosleep(&time, NULL);
        break;
    case 1:
    case 2:
        sched_yield();
    }
}

static void *send_all(void *argument)
{
    struct pair *own = argument;
    unsigned *seed = &own->sender_seed;
    for (;;) {
        CHECK(sem_wait(&own->given) == 0);
        if (own->writer < 0)
            return NULL;
        for (int i = 0; i < own->count; i++) {
            struct message message = { own->id, own->generation, i, i + 1 == own->count };
            pause_a_little(seed);
            if (own->spare >= 0 && pick(seed, 2)) {
                CHECK(close(own->spare) == 0);
                own->spare = -1;
            }
            ssize_t sent = send_by(pick(seed, 3), own->writer, own->is_socket, &message);
            if (sent == -1 && own->abandoned && (errno == EPIPE || errno == ECONNRESET))
                break;
            CHECK(sent == sizeof message);
        }
        if (own->spare >= 0)
            CHECK(close(own->spare) == 0);
        CHECK(close(own->writer) == 0);
        CHECK(sem_post(&own->done) == 0);
    }
}

/* ---- the receiver: waits for input, by several ways --------------------------- */

static void by_poll(struct pair *own)
{
    struct pollfd polled[] = { { own->quiet, POLLIN, 0 }, { own->reader, POLLIN, 0 } };
    CHECK(poll(polled, 2, PATIENCE * 1000) == 1 && polled[0].revents == 0);
}

static void by_short_polls(struct pair *own)
{
    struct pollfd polled = { own->reader, POLLIN, 0 };
    while (poll(&polled, 1, 1) == 0)
        ;
    CHECK(polled.revents & (POLLIN | POLLHUP));
}

static void by_select(struct pair *own)
{
    fd_set set;
    struct timeval time = { PATIENCE, 0 };
    CHECK(own->reader < FD_SETSIZE);
    FD_ZERO(&set);
    FD_SET(own->quiet, &set);
    FD_SET(own->reader, &set);
    int most = own->reader > own->quiet ? own->reader : own->quiet;
    CHECK(select(most + 1, &set, NULL, NULL, &time) == 1 && FD_ISSET(own->reader, &set));
}

/* In the receiver's set, and out again, or in a new set. */
static void by_epoll(struct pair *own, int is_new)
{
    int set = is_new ? epoll_create1(0) : own->set;
    struct epoll_event event = { .events = EPOLLIN, .data.u64 = (unsigned)own->generation };
    CHECK(set >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, own->reader, &event) == 0);
    CHECK(epoll_wait(set, &event, 1, PATIENCE * 1000) == 1);
    CHECK(event.data.u64 == (unsigned)own->generation);
    if (is_new)
        CHECK(close(set) == 0);
    else
        CHECK(epoll_ctl(set, EPOLL_CTL_DEL, own->reader, NULL) == 0);
}

static ssize_t receive_piece(struct pair *own, void *data, size_t size)
{
    struct timeval moment = { 0, 1000 }, none = { 0, 0 };
    ssize_t count;
    own->way = pick(&own->seed, WAYS);
    switch (own->way) {
    case 0:
        by_poll(own);
        break;
    case 1:
        by_short_polls(own);
        break;
    case 2:
        by_select(own);
        break;
    case 3:
    case 4:
        by_epoll(own, own->way == 3);
        break;
    case 5:
        if (!own->is_socket)
            break;
        CHECK(setsockopt(own->reader, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment) == 0);
        do
            count = recv(own->reader, data, size, 0);
        while (count == -1 && errno == EAGAIN);
        CHECK(setsockopt(own->reader, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none) == 0);
        return count;
    }
    return read(own->reader, data, size);
}

/* The size of a whole message, or 0 at the end. */
static size_t receive(struct pair *own, struct message *message)
{
    size_t total = 0;
    while (total < sizeof *message) {
        ssize_t count = receive_piece(own, (char *)message + total, sizeof *message - total);
        CHECK(count >= 0);
        if (count == 0)
            break;
        total += (size_t)count;
    }
    return total;
}

static void open_channel(struct pair *own)
{
    unsigned *seed = &own->seed, kind = pick(seed, 8);
    int ends[2];
    own->is_socket = kind > 3;
    if (kind <= 3)
        CHECK(pipe2(ends, pick(seed, 2) ? O_CLOEXEC : 0) == 0);
    else if (kind < 7)
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    else
        tcp_pair(ends);
    if (pick(seed, 4) == 0 && !own->is_socket)
        CHECK(fcntl(ends[1], F_SETPIPE_SZ, 4096) > 0);
    own->writer = ends[1];
    own->reader = ends[0];
    own->spare = -1;
    switch (pick(seed, 4)) {
    case 0:     /* the sender closes a duplicate while this one waits */
        CHECK((own->spare = dup(own->reader)) >= 0);
        break;
    case 1:     /* the duplicate is the one that stays */
        CHECK((own->reader = dup(ends[0])) >= 0 && close(ends[0]) == 0);
        break;
    case 2:     /* a number that other channels had before */
        CHECK(dup2(ends[0], 600 + own->id) == 600 + own->id && close(ends[0]) == 0);
        own->reader = 600 + own->id;
    }
}

static void *receive_all(void *argument)
{
    struct pair *own = argument;
    while (!over) {
        struct message message;
        int received = 0, enough;
        own->generation++;
        own->count = pick(&own->seed, 8) ? 1 + (int)pick(&own->seed, 4) : 500;
        open_channel(own);
        own->abandoned = own->spare < 0 && pick(&own->seed, 8) == 0;
        enough = own->abandoned ? (int)pick(&own->seed, (unsigned)own->count) : own->count + 1;
        CHECK(sem_post(&own->given) == 0);
        while (received < enough && receive(own, &message) == sizeof message) {
            CHECK(message.pair == own->id && message.generation == own->generation);
            CHECK(message.number == received++);
            CHECK(message.last == (received == own->count));
            own->progress++;
        }
        CHECK(received == (own->abandoned ? enough : own->count));
        CHECK(close(own->reader) == 0);
        CHECK(sem_wait(&own->done) == 0);
        own->progress++;
    }
    own->writer = -1;
    CHECK(sem_post(&own->given) == 0);
    return NULL;
}

/* A pair that makes no progress for a while has lost a wake-up. */
static void watch(double length)
{
    double end = seconds(CLOCK_MONOTONIC) + length, since[PAIRS];
    unsigned progress[PAIRS] = { 0 };
    for (int i = 0; i < PAIRS; i++)
        since[i] = seconds(CLOCK_MONOTONIC);
    while (seconds(CLOCK_MONOTONIC) < end) {
        struct timespec while_they_run = { 0, 50000000 };
        CHECK(nanosleep(&while_they_run, NULL) == 0);
        for (int i = 0; i < PAIRS; i++) {
            double now = seconds(CLOCK_MONOTONIC);
            if (pairs[i].progress != progress[i])
                since[i] = now;
            progress[i] = pairs[i].progress;
            if (now - since[i] < PATIENCE)
                continue;
            dprintf(2, "pair %d is stuck: way %u, %s %d, generation %d\n", i, pairs[i].way,
                    pairs[i].is_socket ? "socket" : "pipe", pairs[i].reader, pairs[i].generation);
            CHECK(!"a wake-up is lost");
        }
    }
}

int main(int argc, char **argv)
{
    CHECK(argc > 1 && signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    for (int i = 0; i < PAIRS; i++) {
        struct pair *pair = &pairs[i];
        int quiet[2];
        CHECK(pipe(quiet) == 0);
        *pair = (struct pair){ .id = i, .seed = (unsigned)i + 1, .sender_seed = (unsigned)i + 99 };
        pair->quiet = quiet[0];
        CHECK((pair->set = epoll_create1(0)) >= 0);
        CHECK(sem_init(&pair->given, 0, 0) == 0 && sem_init(&pair->done, 0, 0) == 0);
    }
    for (int i = 0; i < PAIRS; i++) {
        pairs[i].receiver = start(receive_all, &pairs[i]);
        pairs[i].sender = start(send_all, &pairs[i]);
    }
    watch(atof(argv[1]));
    over = 1;
    unsigned least = ~0U, total = 0;
    for (int i = 0; i < PAIRS; i++) {
        join(pairs[i].receiver);
        join(pairs[i].sender);
        total += pairs[i].progress;
        least = pairs[i].progress < least ? pairs[i].progress : least;
    }
    dprintf(2, "%u messages and channels, at least %u by each\n", total, least);
    puts("every message came to its own channel");
    return 0;
}
