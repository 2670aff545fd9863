/* 600 threads, each with an epoll set of its own, share one descriptor that
 * tells them to quit: all of them wake: epoll(7).
 */
#include "lib/check.h"
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

enum { THREADS = 600 };

static int quit;
static sem_t begun;

static void *wait_to_quit(void *unused)
{
    struct epoll_event event = { .events = EPOLLIN };
    int own = epoll_create1(0);
    CHECK(own >= 0 && epoll_ctl(own, EPOLL_CTL_ADD, quit, &event) == 0);
    CHECK(sem_post(&begun) == 0);
    CHECK(epoll_wait(own, &event, 1, -1) == 1 && event.events == EPOLLIN);
    CHECK(close(own) == 0);
    return unused;
}

int main(void)
{
    static pthread_t threads[THREADS];
    CHECK(sem_init(&begun, 0, 0) == 0 && (quit = eventfd(0, 0)) >= 0);
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(wait_to_quit, NULL);
    for (int i = 0; i < THREADS; i++)
        CHECK(sem_wait(&begun) == 0);
    others_run();
    CHECK(eventfd_write(quit, 1) == 0);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    printf("%d sets, all woken\n", THREADS);
    return 0;
}
