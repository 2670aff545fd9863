/* Who is held up by calls that must block? For SECONDS, while 50 pairs of
 * threads exchange messages, one thread writes and fsyncs a file in DIRECTORY
 * and one sits in getaddrinfo(): its name server is a socket that nobody reads,
 * so no answer comes. The pairs start once the query has been sent.
 *
 * One thread of a pair sleeps 1 ms, sends, and waits for the echo by the other.
 * What a round takes longer than 1 ms is a stall, of the scheduler or of the
 * machine. Counts the rounds that were over while the look-up still lasted.
 *
 *     stall [SECONDS [DIRECTORY]]
 *
 * Follows nanosleep(2), socketpair(2), fsync(2), getaddrinfo(3), resolver(3).
 */
#include "bench.h"

#include <netdb.h>
#include <poll.h>
#include <resolv.h>
#include <stdatomic.h>

enum {
    PAIRS = 50,
    BLOCK = 64 << 10, FILE_BLOCKS = 64,
    QUERY_LIMIT_MS = 30000,             /* an upper bound; it takes one */
    RESOLVER_SECONDS = 30, RESOLVER_TRIES = 5,
};

static const double ROUND = 1e-3, LONG_STALL = 5e-3;

/* What the threads of one class have seen. */
struct record {
    long count, stalls;
    double longest;
};

struct pair {
    pthread_t talker, echo;
    int ends[2];
    struct record seen;
};

static struct pair pairs[PAIRS];
static struct sockaddr_in name_server;
static atomic_int name_server_gave_up;
static double deadline;

static void note(struct record *record, double stall)
{
    record->count++;
    record->stalls += stall > LONG_STALL;
    if (stall > record->longest)
        record->longest = stall;
}

/* ---- the threads ----------------------------------------------------------- */

static void *talk(void *argument)
{
    struct pair *pair = argument;
    struct timespec pause = { 0, (long)(ROUND * 1e9) };
    unsigned char number = 0;

    for (double begin = now(), end; begin < deadline; begin = end) {
        CHECK(nanosleep(&pause, NULL) == 0);
        give(pair->ends[0], (char)++number);
        CHECK(take(pair->ends[0]) == (char)number);
        end = now();
        if (!atomic_load(&name_server_gave_up))
            note(&pair->seen, end - begin - ROUND);
    }
    CHECK(shutdown(pair->ends[0], SHUT_WR) == 0);
    return NULL;
}

static void *echo(void *argument)
{
    const struct pair *pair = argument;
    char token;

    while (read(pair->ends[1], &token, 1) == 1)
        give(pair->ends[1], token);
    return NULL;
}

/* At least one fsync; the file grows to 4 MiB and is then written again. */
static void *make_durable(void *argument)
{
    static char block[BLOCK];
    static struct record seen;
    int file = *(int *)argument;

    for (double begin = now(), end; begin < deadline || seen.count == 0; begin = end) {
        memset(block, (int)seen.count, sizeof block);
        CHECK(pwrite(file, block, sizeof block,
                     seen.count % FILE_BLOCKS * BLOCK) == BLOCK);
        CHECK(fsync(file) == 0);
        end = now();
        note(&seen, end - begin);
    }
    return &seen;
}

static void *look_up(void *argument)
{
    struct addrinfo hints = { .ai_family = AF_INET }, *list;

    CHECK(res_init() == 0);
    _res.nscount = 1;
    _res.nsaddr_list[0] = name_server;
    _res.retrans = RESOLVER_SECONDS;
    _res.retry = RESOLVER_TRIES;
    CHECK(getaddrinfo("silent.invalid.", NULL, &hints, &list) != 0);
    atomic_store(&name_server_gave_up, 1);
    return argument;
}

/* ---- set up, wait, tell ---------------------------------------------------- */

static int file_in(const char *directory)
{
    char path[PATH_MAX];

    CHECK(snprintf(path, sizeof path, "%s/stall-XXXXXX", directory) < PATH_MAX);
    int file = mkstemp(path);
    CHECK(file >= 0);
    CHECK(unlink(path) == 0);
    return file;
}

static int silent_name_server(void)
{
    socklen_t size = sizeof name_server;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    CHECK(fd >= 0);
    name_server.sin_family = AF_INET;
    name_server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(fd, (struct sockaddr *)&name_server, size) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&name_server, &size) == 0);
    return fd;
}

static void report_class(const char *class, const struct record *seen)
{
    const struct { const char *what; double value; const char *unit; } lines[] = {
        { "count", (double)seen->count, "times" },
        { "longest", seen->longest * 1e3, "ms" },
        { "above_5ms", (double)seen->stalls, "times" },
    };

    for (size_t index = 0; index < COUNT(lines); index++) {
        char name[64];
        snprintf(name, sizeof name, "%s_%s", class, lines[index].what);
        report(name, lines[index].value, lines[index].unit);
    }
}

int main(int count, char **arguments)
{
    long duration = number_argument(count, arguments, 1, 3);
    int file = file_in(count > 2 ? arguments[2] : "/tmp");
    struct pollfd query = { silent_name_server(), POLLIN, 0 };
    struct record all = { 0, 0, 0 };
    long least = LONG_MAX;

    double asked = now();
    start(look_up, NULL);               /* ends with the process */
    CHECK(poll(&query, 1, QUERY_LIMIT_MS) == 1);

    deadline = now() + (double)duration;
    pthread_t writer = start(make_durable, &file);
    for (int index = 0; index < PAIRS; index++) {
        struct pair *pair = &pairs[index];
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair->ends) == 0);
        pair->echo = start(echo, pair);
        pair->talker = start(talk, pair);
    }
    for (int index = 0; index < PAIRS; index++) {
        struct record *seen = &pairs[index].seen;
        join(pairs[index].talker);
        join(pairs[index].echo);
        all.count += seen->count;
        all.stalls += seen->stalls;
        all.longest = seen->longest > all.longest ? seen->longest : all.longest;
        least = seen->count < least ? seen->count : least;
    }
    const struct record *writes = join(writer);

    report_class("pairs", &all);
    report("pairs_least", (double)least, "times");
    report_class("fsync", writes);
    report("dns_ended", atomic_load(&name_server_gave_up), "times");
    report("dns_lasts", (now() - asked) * 1e3, "ms");
    return 0;
}
