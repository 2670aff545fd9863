/* Several threads wait in epoll_wait() for one set: an edge wakes one of them,
 * EPOLLONESHOT lets one at a time in, and a level wakes them all. Several sets
 * with EPOLLEXCLUSIVE share one descriptor, and no arrival is lost:
 * epoll(7), epoll_ctl(2).
 */
#include "lib/check.h"
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

enum { WAITERS = 5, ARRIVALS = 100 };

static int set, ends[2], quit;
static sem_t woken;
static int inside, most_inside, taken;

static int control(int into, int operation, int fd, unsigned events)
{
    struct epoll_event event = { .events = events, .data.fd = fd };
    return epoll_ctl(into, operation, fd, &event);
}

static int next_event(int from)
{
    struct epoll_event event;
    CHECK(epoll_wait(from, &event, 1, -1) == 1 && event.events == EPOLLIN);
    return event.data.fd;
}

/* Who is woken leaves the byte where it is: only a new edge may wake the next. */
static void *count_edges(void *unused)
{
    long edges = 0;
    for (; next_event(set) != quit; edges++)
        CHECK(sem_post(&woken) == 0);
    (void)unused;
    return (void *)edges;
}

static void *take_one_shots(void *unused)
{
    while (next_event(set) != quit) {
        int now = __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
        most_inside = now > most_inside ? now : most_inside;
        CHECK(take(ends[0]) == 'x');
        sched_yield();
        taken++;
        __atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
        CHECK(sem_post(&woken) == 0);
        CHECK(control(set, EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLONESHOT) == 0);
    }
    return unused;
}

static void *see_level(void *unused)
{
    CHECK(next_event(set) == ends[0]);
    return unused;
}

/* Has a set of its own. A byte may wake more than one, and only one gets it. */
static void *share_exclusively(void *unused)
{
    int own = epoll_create1(0), fd;
    CHECK(control(own, EPOLL_CTL_ADD, ends[0], EPOLLIN | EPOLLEXCLUSIVE) == 0);
    CHECK(control(own, EPOLL_CTL_ADD, quit, EPOLLIN) == 0);
    CHECK(sem_post(&woken) == 0);
    while ((fd = next_event(own)) != quit) {
        char byte;
        ssize_t count = read(fd, &byte, 1);
        CHECK(count == 1 || errno == EAGAIN);
        if (count == 1)
            CHECK(sem_post(&woken) == 0);
    }
    close(own);
    return unused;
}

static void begin(pthread_t *threads, thread_body *body)
{
    for (int i = 0; i < WAITERS; i++)
        threads[i] = start(body, NULL);
    others_run();
}

static long end(pthread_t *threads)
{
    eventfd_t value;
    long sum = 0;
    CHECK(eventfd_write(quit, 1) == 0);
    for (int i = 0; i < WAITERS; i++)
        sum += (long)join(threads[i]);
    CHECK(eventfd_read(quit, &value) == 0);
    return sum;
}

static void wait_times(int count)
{
    while (count-- > 0)
        CHECK(sem_wait(&woken) == 0);
}

int main(void)
{
    pthread_t threads[WAITERS];
    CHECK(sem_init(&woken, 0, 0) == 0);
    CHECK(pipe(ends) == 0 && (quit = eventfd(0, 0)) >= 0 && (set = epoll_create1(0)) >= 0);
    CHECK(control(set, EPOLL_CTL_ADD, quit, EPOLLIN) == 0);
    others_run();

    CHECK(control(set, EPOLL_CTL_ADD, ends[0], EPOLLIN | EPOLLET) == 0);
    begin(threads, count_edges);
    for (int i = 0; i < ARRIVALS; i++) {
        give(ends[1], 'x');
        wait_times(1);
    }
    others_run();
    printf("edge: %d arrivals woke %ld threads\n", ARRIVALS, end(threads));
    for (int i = 0; i < ARRIVALS; i++)
        take(ends[0]);

    CHECK(control(set, EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLONESHOT) == 0);
    begin(threads, take_one_shots);
    for (int i = 0; i < ARRIVALS; i++)
        give(ends[1], 'x');
    wait_times(ARRIVALS);
    end(threads);
    printf("one-shot: %d taken, %d inside at a time\n", taken, most_inside);

    CHECK(control(set, EPOLL_CTL_MOD, ends[0], EPOLLIN) == 0);
    begin(threads, see_level);
    give(ends[1], 'x');
    for (int i = 0; i < WAITERS; i++)
        join(threads[i]);
    take(ends[0]);
    puts("level: woke all");

    CHECK(control(set, EPOLL_CTL_DEL, ends[0], 0) == 0);
    CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    begin(threads, share_exclusively);
    wait_times(WAITERS);
    for (int i = 0; i < ARRIVALS; i++) {
        give(ends[1], 'x');
        wait_times(1);
    }
    end(threads);
    printf("exclusive: %d arrivals, each taken once\n", ARRIVALS);

    CHECK(control(set, EPOLL_CTL_ADD, ends[0], EPOLLIN | EPOLLEXCLUSIVE) == 0);
    FAILS(EINVAL, control(set, EPOLL_CTL_MOD, ends[0], EPOLLIN));
    FAILS(EINVAL, control(set, EPOLL_CTL_ADD, ends[1], EPOLLEXCLUSIVE | EPOLLONESHOT));
    return 0;
}
