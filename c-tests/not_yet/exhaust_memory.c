/* There is no address space left, after the first thread: what needs no memory goes on
 * as ever. A read on a descriptor with a high number, a poll of many, waiting for a
 * child, a sleep and a lock wait, and others run; pthread_create(3) says EAGAIN, and
 * makes threads again when there is room. setrlimit(2) (RLIMIT_AS), read(2), poll(2).
 */
#include "../lib/scarcity.h"
#include "../lib/usage.h"
#include <poll.h>
#include <sys/mman.h>

enum { HIGH = 9000, MANY = 40 };

static int high, ends[2];

static void use_up_memory(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    size_t size = 1 << 20;
    limit(RLIMIT_AS, memory_used().address_space + (1 << 20));
    while (size >= 4096)
        if (mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
            size /= 2;
}

static void *read_high(void *unused)
{
    begin();
    CHECK(take(high) == 'x');
    return unused;
}

static void *poll_many(void *unused)
{
    struct pollfd many[MANY];
    for (int i = 0; i < MANY; i++)
        many[i] = (struct pollfd){ ends[0], POLLIN, 0 };
    begin();
    int count = poll(many, MANY, -1);
    printf("  poll: %d %s\n", count, errno_name(count == -1 ? errno : 0));
    return unused;
}

/* There is no room for a thread more. */
static void try_thread_and_release(void)
{
    pthread_t one_more;
    pthread_attr_t attributes;
    CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setstacksize(&attributes, 3 << 20) == 0);
    int error = pthread_create(&one_more, &attributes, answer_for_ever, NULL);
    printf("  pthread_create: %s\n", errno_name(error));
    give(ends[1], 'x');
}

static void waits(thread_body *body)
{
    one_waits(body, use_up_memory, try_thread_and_release);
    limit(RLIMIT_AS, UNLIMITED);
    others_run();
}

static void the_read(void) { waits(read_high); }
static void the_poll(void) { waits(poll_many); }

int main(void)
{
    CHECK(pipe(ends) == 0);
    limit(RLIMIT_NOFILE, HIGH + 100);
    CHECK((high = fcntl(ends[0], F_DUPFD, HIGH)) == HIGH);
    alone("a read", the_read);
    alone("a poll", the_poll);
    return 0;
}
