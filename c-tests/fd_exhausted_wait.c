/* The first wait for a descriptor comes when the process may open no other:
 * the read waits all the same, and others run meanwhile, and so does a poll:
 * getrlimit(2) (RLIMIT_NOFILE), read(2), poll(2).
 */
#include "lib/exchange.h"
#include <poll.h>
#include <sys/resource.h>

static sem_t begun;
static int data[2], polled[2];

static void *read_one(void *unused)
{
    sem_post(&begun);
    CHECK(take(data[0]) == 'x');
    return unused;
}

static void *poll_one(void *unused)
{
    struct pollfd entry = { .fd = polled[0], .events = POLLIN };
    sem_post(&begun);
    CHECK(poll(&entry, 1, -1) == 1 && entry.revents == POLLIN);
    return unused;
}

static pthread_t waiting(thread_body *body)
{
    pthread_t thread = start(body, NULL);
    CHECK(sem_wait(&begun) == 0);
    exchange();
    CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY);
    return thread;
}

int main(void)
{
    CHECK(sem_init(&begun, 0, 0) == 0 && pipe(data) == 0 && pipe(polled) == 0);
    exchange();

    struct rlimit limit = { 64, 64 };
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    while (open("/dev/null", O_RDONLY) >= 0)
        ;
    CHECK(errno == EMFILE);

    pthread_t reader = waiting(read_one);
    puts("a read waits, others run");
    pthread_t poller = waiting(poll_one);
    puts("a poll waits, others run");

    give(data[1], 'x');
    join(reader);
    give(polled[1], 'x');
    join(poller);
    CHECK(usleep(1000) == 0);
    puts("all woken");
    return 0;
}
