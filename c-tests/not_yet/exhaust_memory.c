/* There is no address space left, after the first thread: what needs no memory goes on
 * as ever. A read on a descriptor with a high number, a poll of many, waiting for a
 * child, a sleep and a lock wait, and others run; pthread_create(3) says EAGAIN, and
 * makes threads again when there is room. setrlimit(2) (RLIMIT_AS), read(2), poll(2).
 */
#include "../lib/refuse.h"
#include "../lib/usage.h"
#include <poll.h>
#include <semaphore.h>
#include <sys/mman.h>

enum { HIGH = 9000, MANY = 40 };

static int high, ends[2];
static sem_t begun, go, ping, pong;

static void *answer(void *unused)
{
    for (;;) {
        CHECK(sem_wait(&ping) == 0);
        CHECK(sem_post(&pong) == 0);
    }
    return unused;
}

static void exchange(void)
{
    for (int i = 0; i < 20; i++) {
        CHECK(sem_post(&ping) == 0);
        CHECK(sem_wait(&pong) == 0);
    }
}

static void use_up_memory(void)
{
    size_t size = 1 << 20;
    limit(RLIMIT_AS, memory_used().address_space + (1 << 20));
    while (size >= 4096)
        if (mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
            size /= 2;
}

static void *read_high(void *unused)
{
    CHECK(sem_wait(&go) == 0 && sem_post(&begun) == 0);
    CHECK(take(high) == 'x');
    return unused;
}

static void *poll_many(void *unused)
{
    struct pollfd many[MANY];
    for (int i = 0; i < MANY; i++)
        many[i] = (struct pollfd){ ends[0], POLLIN, 0 };
    CHECK(sem_wait(&go) == 0 && sem_post(&begun) == 0);
    int count = poll(many, MANY, -1);
    printf("  poll: %d %s\n", count, errno_name(count == -1 ? errno : 0));
    return unused;
}

static void waits(thread_body *body)
{
    pthread_t one_more, waiter = start(body, NULL);
    CHECK(pthread_detach(start(answer, NULL)) == 0);
    exchange();
    setvbuf(stdout, NULL, _IONBF, 0);
    use_up_memory();
    CHECK(sem_post(&go) == 0 && sem_wait(&begun) == 0);
    exchange();
    int error;
    pthread_attr_t attributes;
    CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setstacksize(&attributes, 3 << 20) == 0);
    error = pthread_create(&one_more, &attributes, answer, NULL);
    printf("  pthread_create: %s\n", errno_name(error));
    give(ends[1], 'x');
    join(waiter);
    limit(RLIMIT_AS, UNLIMITED);
    others_run();
}

static void the_read(void) { waits(read_high); }
static void the_poll(void) { waits(poll_many); }

int main(void)
{
    CHECK(sem_init(&begun, 0, 0) == 0 && sem_init(&go, 0, 0) == 0);
    CHECK(sem_init(&ping, 0, 0) == 0 && sem_init(&pong, 0, 0) == 0 && pipe(ends) == 0);
    limit(RLIMIT_NOFILE, HIGH + 100);
    CHECK((high = fcntl(ends[0], F_DUPFD, HIGH)) == HIGH);
    alone("a read", the_read);
    alone("a poll", the_poll);
    return 0;
}
