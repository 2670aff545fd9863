/* close() with SO_LINGER waits while the peer does not take what was sent: until
 * the peer does, until the time is over, or until a handler runs. Others run
 * meanwhile. With a time of zero it resets the connection: socket(7), close(2).
 *
 * test: slow
 */
#include "lib/beside.h"
#include <semaphore.h>

enum { LONG = 20 };

static int ends[2];
static size_t sent;
static sem_t begun;
static pthread_t closer;
static volatile sig_atomic_t handled;

static void handle(int number)
{
    (void)number;
    handled++;
}

/* A pair whose first end lingers and has more sent than the peer's side holds. */
static void open_full(int seconds_to_linger)
{
    static char data[1 << 16];
    struct linger linger = { .l_onoff = 1, .l_linger = seconds_to_linger };
    struct timeval moment = { 0, 50000 };
    ssize_t count;
    tcp_pair(ends);
    CHECK(setsockopt(ends[0], SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
    CHECK(setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &moment, sizeof moment) == 0);
    sent = 0;
    while ((count = send(ends[0], data, sizeof data, 0)) > 0)
        sent += (size_t)count;
    CHECK(errno == EAGAIN);
}

static void *close_first(void *unused)
{
    closer = pthread_self();
    CHECK(sem_post(&begun) == 0);
    double begin = seconds(CLOCK_MONOTONIC);
    int result = close(ends[0]);
    double waited = seconds(CLOCK_MONOTONIC) - begin;
    printf("close: %d %s", result, errno_name(result ? errno : 0));
    printf(", %s\n", waited < 0.9 ? "at once" : waited < LONG - 1 ? "in time" : "late");
    return unused;
}

static void has_begun(void *unused)
{
    (void)unused;
    CHECK(sem_wait(&begun) == 0);
    others_run();
}

static void read_rest(void *unused)
{
    static char data[1 << 16];
    size_t total = 0;
    ssize_t count;
    (void)unused;
    while ((count = read(ends[1], data, sizeof data)) > 0)
        total += (size_t)count;
    CHECK(count == 0 && total == sent);
}

static void interrupt(void *unused)
{
    (void)unused;
    CHECK(pthread_kill(closer, SIGUSR1) == 0);
}

static void nothing(void *unused) { (void)unused; }

static int read_to_the_end(void)
{
    static char data[1 << 16];
    ssize_t count;
    while ((count = read(ends[1], data, sizeof data)) > 0)
        ;
    return count == 0 ? 0 : errno;
}

int main(void)
{
    struct sigaction action = { .sa_handler = handle, .sa_flags = SA_RESTART };
    CHECK(sem_init(&begun, 0, 0) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    others_run();

    puts("the peer reads");
    open_full(LONG);
    beside("the peer reads", close_first, has_begun, read_rest, NULL);
    close(ends[1]);

    puts("the time is over");
    open_full(1);
    beside("the time is over", close_first, has_begun, nothing, NULL);
    close(ends[1]);

    puts("a handler runs");
    open_full(LONG);
    beside("a handler runs", close_first, has_begun, interrupt, NULL);
    printf("handled: %d\n", (int)handled);
    close(ends[1]);

    puts("no time");
    open_full(0);
    close_first(NULL);
    printf("the peer: %s\n", errno_name(read_to_the_end()));

    puts("a duplicate");
    open_full(LONG);
    int first = ends[0], duplicate = dup(first);
    close_first(NULL);
    CHECK(send(duplicate, "x", 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
    return 0;
}
