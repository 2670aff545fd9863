/* A computing thread that others take the processor from finds everything as it
 * was: general and vector registers, mask registers, MXCSR, the x87 stack and
 * control word, flags with the direction flag, the red zone below the stack
 * pointer, errno, its signal mask and __thread variables. Four threads hold values
 * of their own in all of these, loop without a call, and look. All goes on for so
 * many milliseconds, and until each thread has seen others run during a loop of
 * each kind: sched(7), pthread_sigmask(3); System V ABI, AMD64 supplement, 3.2.
 *
 * test: args=1500
 * test: slow
 * test: timeout=20
 * test: env=GREEN_SLICE_MS=10
 */
#include "lib/registers.h"
#include "lib/signals.h"

enum { THREADS = 4, RARELY_MS = 100 };

static volatile int stop;
static __thread uint64_t own_variable;

static struct holder {
    pthread_t thread;
    int number;
    volatile int interrupted[HELD_KINDS];       /* loops during which others ran, or 1 for none here */
} holders[THREADS];

/* Each blocks another signal, the fourth none. */
static int own_signal(int number)
{
    static const int signals[THREADS] = { SIGHUP, SIGUSR1, SIGUSR2, 0 };
    return signals[number];
}

static void hold_each(struct holder *holder, uint64_t *state)
{
    for (int kind = 0; kind < HELD_KINDS; kind++) {
        enum meanwhile meanwhile = kinds_held[kind].hold(state);
        if (meanwhile == NOT_HERE)
            holder->interrupted[kind] = 1;
        else if (meanwhile == OTHERS_RAN)
            holder->interrupted[kind]++;
    }
}

static void *hold_all(void *argument)
{
    struct holder *holder = argument;
    uint64_t number = (uint64_t)holder->number + 1, state = number << 56;
    uint32_t mxcsr, own_mxcsr = 0x1f80 | (uint32_t)(number - 1) << 13;
    sigset_t blocked = set_of(own_signal(holder->number), 0);
    int mask = digits(&blocked);

    CHECK(pthread_sigmask(SIG_SETMASK, &blocked, NULL) == 0);
    errno = (int)number;
    own_variable = number;
    __asm__ volatile("ldmxcsr %0" : : "m"(own_mxcsr));
    while (!stop) {
        hold_each(holder, &state);
        CHECK(errno == (int)number && own_variable == number);
        CHECK(own_mask() == mask);
    }
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    CHECK(mxcsr == own_mxcsr);
    return NULL;
}

/* Were all interrupted in a loop of each kind, and the four of them so often? */
static int all_interrupted(long times)
{
    for (int i = 0; i < THREADS; i++)
        for (int kind = 0; kind < HELD_KINDS; kind++) {
            if (holders[i].interrupted[kind] == 0)
                return 0;
            times -= holders[i].interrupted[kind];
        }
    return times <= 0;
}

int main(int argc, char **argv)
{
    long duration = argc > 1 ? atol(argv[1]) : 0;
    CHECK(duration > 0);
    for (int i = 0; i < THREADS; i++) {
        holders[i].number = i;
        holders[i].thread = start(hold_all, &holders[i]);
    }
    double end = seconds(CLOCK_MONOTONIC) + (double)duration / 1e3;
    while (seconds(CLOCK_MONOTONIC) < end || !all_interrupted(duration / RARELY_MS)) {
        struct timespec moment = { 0, 100000000 };
        CHECK(nanosleep(&moment, NULL) == 0);
    }
    stop = 1;
    for (int i = 0; i < THREADS; i++) {
        join(holders[i].thread);
        printf("thread %d found everything as it was\n", i);
    }
    long total = 0;
    for (int i = 0; i < THREADS; i++)
        for (int kind = 0; kind < HELD_KINDS; kind++)
            total += holders[i].interrupted[kind];
    dprintf(2, "others ran during %ld loops\n", total);
    return 0;
}
