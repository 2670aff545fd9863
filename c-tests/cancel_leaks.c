/* Two thousand threads are cancelled in waits of twenty kinds, for descriptors,
 * time, semaphores, conditions, signals and children: no descriptor stays behind,
 * memory does not grow, and what they left to their cleanup handlers and key
 * destructors is done: pthread_cancel(3), pthread_key_create(3).
 *
 * test: timeout=60
 */
#include "lib/check.h"
#include "lib/deadline.h"
#include "lib/mutexes.h"
#include "lib/semaphores.h"
#include "lib/usage.h"
#include <aio.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/select.h>

enum { ROUNDS = 10, WARM = 4, EACH = 10, BLOCK = 4096, GROWTH_KIB = 4 * 1024 };

static int quiet[2], datagrams[2], tcp[2], interest, event, listener;
static struct unix_address name;
static pid_t child;
static sigset_t usr1, none;
static sem_t about_to_wait, never, shared, *named;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_key_t key;
static struct aiocb operation;
static const struct aiocb *operations[] = { &operation };
static int cleaned, destroyed;
static char byte;

static void in_read(void) { (void)!read(quiet[0], &byte, 1); }
static void in_recv(void) { recv(tcp[0], &byte, 1, 0); }
static void in_recvfrom(void) { recvfrom(datagrams[0], &byte, 1, 0, NULL, NULL); }
static void in_accept(void) { accept(listener, NULL, NULL); }
static void in_eventfd(void) { eventfd_read(event, &(eventfd_t){ 0 }); }
static void in_poll(void) { poll(&(struct pollfd){ .fd = quiet[0], .events = POLLIN }, 1, -1); }
static void in_epoll_wait(void) { epoll_wait(interest, &(struct epoll_event){ 0 }, 1, -1); }
static void in_sleep(void) { sleep(3600); }
static void in_sem_wait(void) { sem_wait(&never); }
static void in_shared_sem(void) { sem_wait(&shared); }
static void in_named_sem(void) { sem_wait(named); }
static void in_sigwait(void) { sigwait(&usr1, &(int){ 0 }); }
static void in_sigsuspend(void) { sigsuspend(&none); }
static void in_pause(void) { pause(); }
static void in_waitpid(void) { waitpid(child, NULL, 0); }
static void in_waitid(void) { waitid(P_ALL, 0, &(siginfo_t){ 0 }, WEXITED | WNOWAIT); }
static void in_aio_suspend(void) { aio_suspend(operations, 1, NULL); }

static void in_ppoll(void)
{
    ppoll(&(struct pollfd){ .fd = tcp[0], .events = POLLIN }, 1, NULL, &none);
}

static void in_select(void)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(quiet[0], &set);
    select(quiet[0] + 1, &set, NULL, NULL, NULL);
}

static void in_cond_timedwait(void)
{
    struct timespec limit = in_an_hour();
    CHECK(pthread_mutex_lock(&mutex) == 0);
    pthread_cleanup_push(unlock_mutex, &mutex);
    for (;;)
        pthread_cond_timedwait(&condition, &mutex, &limit);
    pthread_cleanup_pop(1);
}

static void (*const waits[])(void) = {
    in_read, in_recv, in_recvfrom, in_accept, in_eventfd, in_poll, in_epoll_wait, in_select,
    in_sleep, in_sem_wait, in_shared_sem, in_named_sem, in_cond_timedwait, in_sigwait,
    in_sigsuspend, in_pause, in_waitpid, in_waitid, in_aio_suspend, in_ppoll,
};

enum { THREADS = COUNT(waits) * EACH };

static void add(int *number) { __atomic_add_fetch(number, 1, __ATOMIC_SEQ_CST); }

static void close_own(void *fd)
{
    CHECK(close(*(int *)fd) == 0);
    add(&cleaned);
}

static void destroy(void *block)
{
    free(block);
    add(&destroyed);
}

/* Each has memory, a thread-specific value and a descriptor. */
static void *wait_for_ever(void *argument)
{
    void (*const *wait)(void) = argument;
    int own = dup(quiet[0]);
    void *block = malloc(BLOCK);
    CHECK(own >= 0 && block && pthread_setspecific(key, memset(block, 1, BLOCK)) == 0);
    pthread_cleanup_push(close_own, &own);
    CHECK(sem_post(&about_to_wait) == 0);
    (*wait)();
    CHECK(!"the call returned");
    pthread_cleanup_pop(0);
    return NULL;
}

static void cancel_all(void)
{
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        threads[i] = start(wait_for_ever, (void *)&waits[i % COUNT(waits)]);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(sem_wait(&about_to_wait) == 0);
    others_run();
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_cancel(threads[i]) == 0);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(join(threads[i]) == PTHREAD_CANCELED);
}

int main(void)
{
    int life[2], source[2];
    CHECK(pipe(quiet) == 0 && pipe(life) == 0 && pipe(source) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, datagrams) == 0);
    tcp_pair(tcp);
    listener = unix_listener(&name, 1);
    CHECK((event = eventfd(0, 0)) >= 0 && (interest = epoll_create1(0)) >= 0);
    CHECK(sigemptyset(&none) == 0 && sigemptyset(&usr1) == 0 && sigaddset(&usr1, SIGUSR1) == 0);
    CHECK(pthread_sigmask(SIG_BLOCK, &usr1, NULL) == 0);
    CHECK(sem_init(&about_to_wait, 0, 0) == 0 && sem_init(&never, 0, 0) == 0);
    CHECK(sem_init(&shared, 1, 0) == 0);
    named = open_unlinked(0);
    CHECK(pthread_key_create(&key, destroy) == 0);
    CHECK((child = fork()) >= 0);
    if (child == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0)
        _exit(take(life[0]) == 'e' ? 5 : 6);
    operation = (struct aiocb){ .aio_fildes = source[0], .aio_buf = &byte, .aio_nbytes = 1 };
    CHECK(aio_read(&operation) == 0);

    int round = 0;
    for (; round < WARM; round++)
        cancel_all();
    long resident = resident_kib();
    int before = descriptors();
    for (; round < ROUNDS; round++)
        cancel_all();
    long growth = resident_kib() - resident;
    int after = descriptors();
    if (growth > GROWTH_KIB)
        fprintf(stderr, "grew by %ld KiB\n", growth);
    printf("%d threads cancelled, %d cleaned up, %d values destroyed\n", ROUNDS * THREADS,
           cleaned, destroyed);
    printf("descriptors: %d more; memory bounded: %s\n", after - before,
           growth <= GROWTH_KIB ? "yes" : "no");
    give(life[1], 'e');
    printf("the child: %s\n", child_end(child));
    return 0;
}
