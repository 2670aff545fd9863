/* Five epoll sets, one in the other, are as many as the kernel allows: threads
 * wait for the outermost by epoll_wait(), poll() and select(), and a set may be
 * put into the innermost of four while a thread waits: epoll(7), epoll_ctl(2)
 * (ELOOP).
 */
#include "../lib/check.h"
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/select.h>

enum { DEPTH = 5 };

static int sets[DEPTH], ends[2];
static sem_t begun;

static int put_into(int set, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
    return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}

static void *by_epoll(void *unused)
{
    struct epoll_event event;
    CHECK(sem_post(&begun) == 0);
    CHECK(epoll_wait(sets[0], &event, 1, -1) == 1);
    return unused;
}

static void *by_poll(void *unused)
{
    struct pollfd polled = { sets[0], POLLIN, 0 };
    CHECK(sem_post(&begun) == 0);
    CHECK(poll(&polled, 1, -1) == 1 && polled.revents == POLLIN);
    return unused;
}

static void *by_select(void *unused)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(sets[0], &set);
    CHECK(sem_post(&begun) == 0);
    CHECK(select(sets[0] + 1, &set, NULL, NULL, NULL) == 1);
    return unused;
}

static pthread_t waiting(thread_body *body)
{
    pthread_t thread = start(body, NULL);
    CHECK(sem_wait(&begun) == 0);
    others_run();
    return thread;
}

int main(void)
{
    thread_body *ways[] = { by_epoll, by_poll, by_select };
    const char *names[] = { "epoll_wait", "poll", "select" };
    CHECK(sem_init(&begun, 0, 0) == 0 && pipe(ends) == 0);
    for (int i = 0; i < DEPTH; i++)
        CHECK((sets[i] = epoll_create1(0)) >= 0);
    for (int i = 0; i + 2 < DEPTH; i++)
        CHECK(put_into(sets[i], sets[i + 1]) == 0);

    pthread_t thread = waiting(by_epoll);
    CHECK(put_into(sets[3], sets[4]) == 0);
    puts("a fifth set put in while a thread waits");
    CHECK(put_into(sets[4], ends[0]) == 0);
    give(ends[1], 'x');
    join(thread);
    CHECK(take(ends[0]) == 'x');

    for (size_t i = 0; i < COUNT(ways); i++) {
        thread = waiting(ways[i]);
        give(ends[1], 'x');
        join(thread);
        CHECK(take(ends[0]) == 'x');
        printf("%s: woken through five sets\n", names[i]);
    }
    int sixth = epoll_create1(0);
    FAILS(ELOOP, put_into(sixth, sets[0]));
    return 0;
}
