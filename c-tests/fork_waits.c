/* A process forks, from a thread and from main, while other threads wait in every
 * way: for mutexes, conditions, locks, barriers, semaphores, ends of threads,
 * descriptors, signals and time. The child has the forking thread alone, with what
 * that one holds, and works with threads of its own; nobody who waits in the parent
 * is disturbed, and each wait ends as it should: fork(2), pthreads(7).
 */
#include "lib/check.h"
#include "lib/deadline.h"
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>

enum { FORKS = 3 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, own = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t written = PTHREAD_RWLOCK_INITIALIZER, is_read = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_once_t control = PTHREAD_ONCE_INIT;
static sem_t semaphore;
static pthread_t sleeper;
static struct sockaddr_in address;
static int piped[2], socketed[2], polled[2], selected[2], watched[2], full[2], once_gate[2], join_gate[2];
static int listener, event, set, go, ran;

/* Whoever comes out of its wait counts itself: in a child nobody may. */
static void is_over(void) { __atomic_add_fetch(&ran, 1, __ATOMIC_SEQ_CST); }

#define WAIT(name, call) \
    static void *name(void *unused) { call; is_over(); return unused; }

static int wait_for_go(int timed)
{
    struct timespec hour = in_an_hour();
    CHECK(pthread_mutex_lock(&own) == 0);
    while (!go)
        CHECK((timed ? pthread_cond_timedwait(&condition, &own, &hour)
                     : pthread_cond_wait(&condition, &own)) == 0);
    return pthread_mutex_unlock(&own);
}

static int sem_timed(void)
{
    struct timespec hour = in_an_hour();
    return sem_timedwait(&semaphore, &hour);
}

static int by_poll(void)
{
    struct pollfd one = { polled[0], POLLIN, 0 };
    return poll(&one, 1, 3600 * 1000);
}

static int by_select(void)
{
    fd_set one;
    FD_ZERO(&one);
    FD_SET(selected[0], &one);
    return select(selected[0] + 1, &one, NULL, NULL, NULL);
}

static int by_epoll(void)
{
    struct epoll_event got;
    return epoll_wait(set, &got, 1, -1);
}

static void *at_join_gate(void *unused) { take(join_gate[0]); return unused; }
static void initialise(void) { take(once_gate[0]); }

static int by_sigwait(void)
{
    int number;
    sigset_t usr2;
    sigemptyset(&usr2), sigaddset(&usr2, SIGUSR2);
    return sigwait(&usr2, &number);
}

static void wake(int number) { (void)number; }
static int by_nanosleep(void) { struct timespec hour = { 3600, 0 }; return nanosleep(&hour, NULL); }

static ssize_t fill(void)
{
    static char bytes[200000];
    return write(full[1], bytes, sizeof bytes);
}

WAIT(in_mutex, CHECK(pthread_mutex_lock(&mutex) == 0 && pthread_mutex_unlock(&mutex) == 0))
WAIT(in_cond, CHECK(wait_for_go(0) == 0))
WAIT(in_cond_timed, CHECK(wait_for_go(1) == 0))
WAIT(in_rdlock, CHECK(pthread_rwlock_rdlock(&written) == 0 && pthread_rwlock_unlock(&written) == 0))
WAIT(in_wrlock, CHECK(pthread_rwlock_wrlock(&is_read) == 0 && pthread_rwlock_unlock(&is_read) == 0))
WAIT(in_barrier, pthread_barrier_wait(&barrier))
WAIT(in_sem, CHECK(sem_wait(&semaphore) == 0))
WAIT(in_sem_timed, CHECK(sem_timed() == 0))
WAIT(in_join, join(start(at_join_gate, NULL)))
WAIT(in_pipe, take(piped[0]))
WAIT(in_socket, take(socketed[0]))
WAIT(in_eventfd, eventfd_t value; CHECK(eventfd_read(event, &value) == 0 && value == 7))
WAIT(in_poll, CHECK(by_poll() == 1))
WAIT(in_select, CHECK(by_select() == 1))
WAIT(in_epoll, CHECK(by_epoll() == 1))
WAIT(in_accept, CHECK(close(accept(listener, NULL, NULL)) == 0))
WAIT(in_sigwait, CHECK(by_sigwait() == 0))
WAIT(in_nanosleep, CHECK(by_nanosleep() == -1 && errno == EINTR))
WAIT(in_once, CHECK(pthread_once(&control, initialise) == 0))
WAIT(in_full_write, CHECK(fill() == 200000))

static thread_body *const waits[] = {
    in_mutex, in_cond, in_cond_timed, in_rdlock, in_wrlock, in_barrier, in_sem, in_sem_timed, in_join,
    in_pipe, in_socket, in_eventfd, in_poll, in_select, in_epoll, in_accept, in_sigwait, in_once, in_once,
    in_full_write, in_nanosleep,
};

/* The mutex and the locks are held by main: in main's child by its only thread. */
static void be_child(int of_main)
{
    CHECK(ran == 0 && pthread_mutex_trylock(&mutex) == EBUSY);
    if (of_main) {
        CHECK(pthread_mutex_unlock(&mutex) == 0 && pthread_mutex_lock(&mutex) == 0);
        CHECK(pthread_rwlock_unlock(&written) == 0 && pthread_rwlock_unlock(&is_read) == 0);
    }
    CHECK(pthread_mutex_lock(&own) == 0);
    go = 1;
    CHECK(pthread_mutex_unlock(&own) == 0);
    CHECK(sem_trywait(&semaphore) == -1 && errno == EAGAIN && sem_post(&semaphore) == 0);
    CHECK(sem_wait(&semaphore) == 0);
    for (int i = 0; i < 3; i++)
        others_run();
    char *line = NULL;
    CHECK(asprintf(&line, "%080d\n", of_main) == 81 && fprintf(stderr, "%s", "") == 0);
    free(line);
    CHECK(ran == 0);
    of_main ? exit(3) : _exit(3);
}

static void *fork_some(void *of_main)
{
    for (int i = 0; i < FORKS; i++) {
        fflush(stdout);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            be_child(of_main != NULL);
        CHECK(strcmp(child_end(child), "exit 3") == 0);
    }
    CHECK(ran == 0);
    return NULL;
}

/* What other processes can do is done by a child. */
static void release(pthread_t *threads)
{
    eventfd_t seven = 7;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        char bytes[1000];
        give(piped[1], 'x'), give(socketed[1], 'x'), give(polled[1], 'x'), give(selected[1], 'x');
        give(watched[1], 'x'), give(once_gate[1], 'x'), give(join_gate[1], 'x');
        CHECK(eventfd_write(event, seven) == 0);
        CHECK(close(tcp_connect(&address)) == 0);
        for (int left = 200; left > 0; left--)
            CHECK(read_all(full[0], bytes, sizeof bytes) == sizeof bytes);
        _exit(0);
    }
    CHECK(strcmp(child_end(child), "exit 0") == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    CHECK(pthread_rwlock_unlock(&written) == 0 && pthread_rwlock_unlock(&is_read) == 0);
    CHECK(pthread_mutex_lock(&own) == 0);
    go = 1;
    CHECK(pthread_cond_broadcast(&condition) == 0 && pthread_mutex_unlock(&own) == 0);
    CHECK(sem_post(&semaphore) == 0 && sem_post(&semaphore) == 0);
    CHECK(kill(getpid(), SIGUSR2) == 0);
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < COUNT(waits); i++) {
        while (waits[i] == in_nanosleep && pthread_tryjoin_np(threads[i], NULL) == EBUSY) {
            CHECK(pthread_kill(sleeper, SIGUSR1) == 0);
            others_run();
        }
        if (waits[i] != in_nanosleep)
            join(threads[i]);
    }
}

int main(void)
{
    int *const pipes[] = { piped, polled, selected, watched, full, once_gate, join_gate };
    struct epoll_event in = { .events = EPOLLIN };
    struct sigaction action = { .sa_handler = wake };
    pthread_t threads[COUNT(waits)];
    sigset_t usr2;
    for (size_t i = 0; i < COUNT(pipes); i++)
        CHECK(pipe(pipes[i]) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, socketed) == 0);
    CHECK((event = eventfd(0, 0)) >= 0 && (set = epoll_create1(0)) >= 0);
    CHECK(epoll_ctl(set, EPOLL_CTL_ADD, watched[0], &in) == 0);
    listener = tcp_listener(&address);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    sigemptyset(&usr2), sigaddset(&usr2, SIGUSR2);
    CHECK(pthread_sigmask(SIG_BLOCK, &usr2, NULL) == 0);
    CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0 && sem_init(&semaphore, 0, 0) == 0);
    CHECK(pthread_mutex_lock(&mutex) == 0 && pthread_rwlock_wrlock(&written) == 0);
    CHECK(pthread_rwlock_rdlock(&is_read) == 0);
    for (size_t i = 0; i < COUNT(waits); i++)
        threads[i] = start(waits[i], NULL);
    sleeper = threads[COUNT(waits) - 1];
    others_run();

    join(start(fork_some, NULL));
    printf("%d children of a thread\n", FORKS);
    fork_some(&go);
    printf("%d children of main\n", FORKS);
    release(threads);
    printf("%d waits ended\n", ran);
    return ran != (int)COUNT(waits);
}
