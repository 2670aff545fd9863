/* Threads that hold values in all registers and compute, preempted every millisecond, find everything as it
 * was though more happens to them: a signal handler runs on top of such a loop, in the thread that the signal
 * was sent to and with its mask, and computes with all registers, too; one of them forks, and parent and
 * child go on; and threads beside them are cancelled in the middle of such a loop, by the asynchronous type,
 * and clean up. For so many milliseconds. Follows sigaction(2), pthread_kill(3), pthread_sigmask(3), fork(2),
 * pthread_setcanceltype(3).
 *
 * test: args=1500
 * test: slow
 * test: env=GREEN_SLICE_MS=1
 */
#include "lib/registers.h"
#include "lib/computing.h"
#include "lib/signals.h"

enum { HOLDERS = 3, FORKER = 0, IN_HANDLER = 1000 };

static volatile int stop;

static struct holder {
    pthread_t thread;
    int number, mask;
    volatile int handled, forks_wanted, forks_done;
    uint64_t handler_state;
} holders[HOLDERS];

static __thread struct holder *me;

/* ---- what the holders do ------------------------------------------------------ */

static void hold_each(uint64_t *state)
{
    for (int kind = 0; kind < HELD_KINDS; kind++)
        kinds_held[kind].hold(state);
}

/* On top of a loop, or of whatever else the thread does. */
static void hold_in_handler(int number)
{
    int error = errno;
    CHECK(number == SIGUSR1 && pthread_equal(pthread_self(), me->thread));
    CHECK(own_mask() == me->mask + 100);        /* that is SIGUSR1 */
    errno = IN_HANDLER;
    kinds_held[me->handled % HELD_KINDS].hold(&me->handler_state);
    CHECK(errno == IN_HANDLER && own_mask() == me->mask + 100);
    errno = error;
    me->handled++;
}

/* The child has this thread only. */
static void fork_once(uint64_t *state)
{
    int error = errno;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        hold_each(state);
        CHECK(errno == error && own_mask() == me->mask);
        _exit(3);
    }
    hold_each(state);
    CHECK(errno == error);
    CHECK(strcmp(child_end(child), "exit 3") == 0);
    me->forks_done++;
}

static void *hold_all(void *argument)
{
    static const int blocked[HOLDERS] = { SIGHUP, SIGUSR2, SIGTERM };
    me = argument;
    uint64_t state = (uint64_t)(me->number + 1) << 56;
    me->handler_state = state << 1;
    sigset_t mask = set_of(blocked[me->number], 0);
    me->mask = digits(&mask);
    CHECK(pthread_sigmask(SIG_SETMASK, &mask, NULL) == 0);
    errno = me->number + 1;
    while (!stop) {
        hold_each(&state);
        CHECK(errno == me->number + 1 && own_mask() == me->mask);
        if (me->forks_done != me->forks_wanted)
            fork_once(&state);
    }
    return NULL;
}

/* ---- what is done to them ------------------------------------------------------ */

static void send_signals(void)
{
    for (int i = 0; i < HOLDERS; i++) {
        int before = holders[i].handled;
        CHECK(pthread_kill(holders[i].thread, SIGUSR1) == 0);
        while (holders[i].handled == before)
            nap(1);
        CHECK(holders[i].handled == before + 1);
    }
}

static void let_fork(void)
{
    holders[FORKER].forks_wanted++;
    while (holders[FORKER].forks_done != holders[FORKER].forks_wanted)
        nap(1);
}

static volatile int cancellable;

static void note_cleanup(void *done)
{
    *(int *)done = 1;
}

static void *hold_till_cancelled(void *done)
{
    uint64_t state = 77;
    pthread_cleanup_push(note_cleanup, done);
    CHECK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL) == 0);
    for (;;) {
        hold_each(&state);
        cancellable = 1;
    }
    pthread_cleanup_pop(0);
    return NULL;
}

static void cancel_one(void)
{
    int cleaned_up = 0;
    cancellable = 0;
    pthread_t thread = start(hold_till_cancelled, &cleaned_up);
    while (!cancellable)
        nap(1);
    CHECK(pthread_cancel(thread) == 0);
    CHECK(join(thread) == PTHREAD_CANCELED && cleaned_up);
}

int main(int argc, char **argv)
{
    struct sigaction action = { .sa_handler = hold_in_handler, .sa_flags = SA_RESTART };
    long duration = argc > 1 ? atol(argv[1]) : 0, rounds = 0;
    CHECK(duration > 0 && sigaction(SIGUSR1, &action, NULL) == 0);
    change_mask(SIG_BLOCK, SIGUSR1);        /* until each knows who it is */
    for (int i = 0; i < HOLDERS; i++) {
        holders[i].number = i;
        holders[i].thread = start(hold_all, &holders[i]);
    }
    double end = seconds(CLOCK_MONOTONIC) + (double)duration / 1e3;
    do {
        send_signals();
        let_fork();
        cancel_one();
        rounds++;
    } while (seconds(CLOCK_MONOTONIC) < end || rounds < HELD_KINDS);
    stop = 1;
    for (int i = 0; i < HOLDERS; i++) {
        join(holders[i].thread);
        CHECK(holders[i].handled == rounds);
        printf("thread %d found everything as it was\n", i);
    }
    CHECK(holders[FORKER].forks_done == rounds);
    puts("every signal was handled, every child ended with 3, every other thread was cancelled");
    dprintf(2, "%ld rounds\n", rounds);
    return 0;
}
