/*
 * signal_mask_jump: siglongjmp out of a handler gives the thread back the mask
 * that sigsetjmp saved, and the signal can come again; with nothing saved, or
 * by plain longjmp, the mask stays as it is in the handler.  Each thread has
 * its own.  A handler may jump out of a call that blocks, a hundred times: the
 * thread blocks again elsewhere, and what it waited for can be used and closed.
 * Follows sigsetjmp(3), setjmp(3), signal-safety(7), signal(7).
 */
#include "lib/check.h"
#include "lib/signals.h"
#include "lib/usage.h"

#include <poll.h>
#include <setjmp.h>
#include <sys/epoll.h>

static __thread sigjmp_buf here;
static pthread_barrier_t all;

static void jump(int number)
{
    siglongjmp(here, number);
}

static __thread volatile sig_atomic_t counted;

static void count_one(int number)
{
    (void)number;
    counted++;
}

static void handle(int number, void (*handler)(int), int also)
{
    struct sigaction action = { .sa_handler = handler };
    sigemptyset(&action.sa_mask);
    if (also)
        sigaddset(&action.sa_mask, also);
    CHECK(sigaction(number, &action, NULL) == 0);
}

/* ---- what a jump does to the mask --------------------------------------- */

/* SIGUSR1's handler jumps and blocks SIGUSR2 as well. */
static void saved(void)
{
    for (volatile int i = 0; i < 3; i++) {
        int number = sigsetjmp(here, 1);
        if (number == 0)
            raise(SIGUSR1);
        printf("saved: jumped with %d, mask %04d\n", number == SIGUSR1, own_mask());
    }
}

static void not_saved(void)
{
    if (sigsetjmp(here, 0) == 0)
        raise(SIGUSR1);
    printf("not saved: mask %04d", own_mask());
    raise(SIGUSR1);
    printf(", raised: pending %d", is_pending(SIGUSR1));
    if (sigsetjmp(here, 0) == 0)
        change_mask(SIG_UNBLOCK, SIGUSR1);
    printf(", let in: pending %d, mask %04d\n", is_pending(SIGUSR1), own_mask());
    change_mask(SIG_SETMASK, 0);
}

static void plain(void)
{
    static jmp_buf start;
    change_mask(SIG_SETMASK, SIGTERM);
    int number = setjmp(start);
    if (number == 0) {
        change_mask(SIG_BLOCK, SIGHUP);
        longjmp(start, 5);
    }
    printf("plain: jumped with %d, mask %04d\n", number, own_mask());
    change_mask(SIG_SETMASK, 0);
}

/* The jump itself opens the signal, so its handler has run when it arrives. */
static void lets_in(void)
{
    handle(SIGHUP, count_one, 0);
    counted = 0;
    if (sigsetjmp(here, 1) == 0) {
        change_mask(SIG_BLOCK, SIGHUP);
        raise(SIGHUP);
        CHECK(counted == 0);
        siglongjmp(here, 1);
    }
    int in_time = counted;
    printf("let in by the jump: handled %d, mask %04d\n", in_time, own_mask());
}

/* Out of sigsuspend, nothing saved: its mask and the handler's stay. */
static void out_of_sigsuspend(void)
{
    sigset_t during;
    sigemptyset(&during);
    sigaddset(&during, SIGTERM);
    change_mask(SIG_SETMASK, SIGUSR1);
    raise(SIGUSR1);
    if (sigsetjmp(here, 0) == 0)
        sigsuspend(&during);
    printf("out of sigsuspend, not saved: mask %04d\n", own_mask());
    change_mask(SIG_SETMASK, SIGUSR1);
    raise(SIGUSR1);
    if (sigsetjmp(here, 1) == 0)
        sigsuspend(&during);
    printf("out of sigsuspend, saved: mask %04d\n", own_mask());
    change_mask(SIG_SETMASK, 0);
}

/* Threads with different masks jump and wait for each other in between. */
static void *jump_in_turns(void *own)
{
    int number = *(int *)own;
    change_mask(SIG_SETMASK, number);
    int mask = own_mask();
    for (volatile int i = 0; i < 50; i++) {
        if (sigsetjmp(here, 1) == 0) {
            pthread_barrier_wait(&all);
            raise(SIGUSR1);
        }
        CHECK(own_mask() == mask);
        pthread_barrier_wait(&all);
        CHECK(own_mask() == mask);
        if (sigsetjmp(here, 0) == 0)
            raise(SIGUSR1);
        sched_yield();
        pthread_barrier_wait(&all);
        CHECK(own_mask() == mask + 110);
        change_mask(SIG_SETMASK, number);
    }
    return NULL;
}

/* ---- out of calls that block -------------------------------------------- */

enum { ROUNDS = 100 };

struct target {
    pthread_t thread;
    int blocks;                 /* a signal of its own */
    int armed[2], idle[2], listener, epoll;
    int jumps;
};

static void block_on(struct target *own, int which)
{
    struct pollfd polled[2] = { { own->idle[0], POLLIN, 0 }, { own->listener, POLLIN, 0 } };
    struct timespec day = { 86400, 0 };
    struct epoll_event event;
    sigset_t open, never;
    char byte;
    switch (which % 8) {
    case 0: CHECK(read(own->idle[0], &byte, 1)); break;
    case 1: nanosleep(&day, NULL); break;
    case 2: poll(polled, 2, -1); break;
    case 3: accept(own->listener, NULL, NULL); break;
    case 4: sigemptyset(&open), sigsuspend(&open); break;
    case 5: poll(NULL, 0, 86400000); break;
    case 6: sigemptyset(&never), sigaddset(&never, SIGHUP), sigwaitinfo(&never, NULL); break;
    case 7: epoll_wait(own->epoll, &event, 1, -1); break;
    }
    CHECK(!"came back");
}

static void *be_interrupted(void *argument)
{
    struct target *own = argument;
    change_mask(SIG_SETMASK, own->blocks);
    int mask = own_mask();
    for (volatile int i = 0; i < ROUNDS; i++) {
        int number = sigsetjmp(here, 1);
        if (number == 0) {
            give(own->armed[1], 1);     /* from here on the signal may come */
            block_on(own, i);
        }
        CHECK(number == SIGUSR1 && own_mask() == mask);
        own->jumps++;
    }
    give(own->armed[1], 0);
    return NULL;
}

static void *interrupt(void *argument)
{
    struct target *to = argument;
    while (take(to->armed[0])) {
        for (int i = 0; i < 3; i++)
            sched_yield();
        CHECK(pthread_kill(to->thread, SIGUSR1) == 0);
    }
    return NULL;
}

static void out_of_calls(void)
{
    static const int own[] = { 0, SIGTERM, SIGHUP };
    struct target targets[COUNT(own)];
    pthread_t senders[COUNT(own)];
    struct sockaddr_in address[COUNT(own)];
    for (size_t i = 0; i < COUNT(own); i++) {
        struct target *to = &targets[i];
        to->blocks = own[i];
        to->jumps = 0;
        to->listener = tcp_listener(&address[i]);
        CHECK(pipe(to->armed) == 0 && pipe(to->idle) == 0);
        struct epoll_event event = { .events = EPOLLIN };
        to->epoll = epoll_create1(0);
        CHECK(epoll_ctl(to->epoll, EPOLL_CTL_ADD, to->idle[0], &event) == 0);
    }
    others_run();
    int before = descriptors();
    for (size_t i = 0; i < COUNT(own); i++) {
        targets[i].thread = start(be_interrupted, &targets[i]);
        senders[i] = start(interrupt, &targets[i]);
    }
    for (size_t i = 0; i < COUNT(own); i++) {
        struct target *to = &targets[i];
        join(to->thread), join(senders[i]);
        printf("thread %zu: %d jumps\n", i, to->jumps);
    }
    printf("descriptors left open: %d\n", descriptors() - before);
    /* All that was waited for still works. */
    for (size_t i = 0; i < COUNT(own); i++) {
        struct target *to = &targets[i];
        int client = tcp_connect(&address[i]), server = accept(to->listener, NULL, NULL);
        give(client, 'c'), give(to->idle[1], 'p');
        CHECK(take(server) == 'c' && take(to->idle[0]) == 'p');
        close(client), close(server), close(to->listener);
        close(to->idle[0]), close(to->idle[1]), close(to->armed[0]), close(to->armed[1]);
        close(to->epoll);
    }
    others_run();
    puts("pipes and listeners still work");
}

int main(void)
{
    static const int own[] = { SIGTERM, SIGHUP, 0 };
    pthread_t threads[COUNT(own)];
    handle(SIGUSR1, jump, SIGUSR2);
    CHECK(pthread_barrier_init(&all, NULL, COUNT(own)) == 0);
    for (size_t i = 0; i < COUNT(own); i++)
        threads[i] = start(jump_in_turns, (void *)&own[i]);
    for (size_t i = 0; i < COUNT(own); i++)
        join(threads[i]);
    puts("in turns: each thread had its own mask");
    saved();
    not_saved();
    plain();
    lets_in();
    out_of_sigsuspend();
    out_of_calls();
    return 0;
}
