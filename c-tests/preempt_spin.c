/* A thread that spins on a flag in memory, with no call in the loop, does not
 * keep the thread that is to set it from running, whatever that one has to be
 * woken from first: sched(7), SCHED_OTHER.
 *
 * test: slow
 * test: timeout=20
 * test: env=GREEN_SLICE_MS=10
 */
#include "lib/check.h"
#include "lib/deadline.h"
#include <poll.h>
#include <semaphore.h>

enum { HANDOVERS = 50 };

static volatile int flag, spinning;
static int atomic_flag;

/* ---- one spins, one sets ---------------------------------------------------- */

static void *set_flag(void *unused)
{
    flag = 1;
    return unused;
}

static void *set_atomic(void *unused)
{
    __atomic_store_n(&atomic_flag, 1, __ATOMIC_RELEASE);
    return unused;
}

static void *spin(void *unused)
{
    spinning = 1;
    while (!flag)
        ;
    return unused;
}

static void main_spins(void)
{
    pthread_t setter = start(set_flag, NULL);
    while (!flag)
        ;
    join(setter);
    puts("main spins, a worker sets");

    setter = start(set_atomic, NULL);
    while (!__atomic_load_n(&atomic_flag, __ATOMIC_ACQUIRE))
        __builtin_ia32_pause();
    join(setter);
    puts("main spins on an atomic, a worker sets");
}

static void worker_spins(void)
{
    flag = 0;
    pthread_t spinner = start(spin, NULL);
    while (!spinning)
        ;
    flag = 1;
    join(spinner);
    puts("a worker spins, main sets");
}

/* ---- two take turns ---------------------------------------------------------- */

static volatile int turn, turns_taken;

static void *take_turns(void *own)
{
    int me = *(int *)own;
    for (int i = 0; i < HANDOVERS; i++) {
        while (turn != me)
            ;
        turns_taken++;
        turn = !me;
    }
    return NULL;
}

static void ping_pong(void)
{
    int own[2] = { 0, 1 };
    pthread_t first = start(take_turns, &own[0]);
    pthread_t second = start(take_turns, &own[1]);
    join(first);
    join(second);
    printf("two workers took %d turns\n", turns_taken);
    CHECK(turns_taken == 2 * HANDOVERS);
}

/* ---- the setter must be woken first ------------------------------------------ */

static int wire[2];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t semaphore;
static int signalled;

static void sleep_20_ms(void)
{
    struct timespec time = { 0, 20000000 };
    CHECK(nanosleep(&time, NULL) == 0);
}

static void read_pipe(void) { CHECK(take(wire[0]) == 'x'); }
static void write_pipe(void) { give(wire[1], 'x'); }

static void poll_pipe(void)
{
    struct pollfd input = { .fd = wire[0], .events = POLLIN };
    CHECK(poll(&input, 1, -1) == 1);
    read_pipe();
}

static int wait_signalled(long milliseconds)
{
    struct timespec limit = time_in(CLOCK_REALTIME, milliseconds);
    int error = 0;
    CHECK(pthread_mutex_lock(&mutex) == 0);
    while (!signalled && error == 0)
        error = pthread_cond_timedwait(&cond, &mutex, &limit);
    signalled = 0;
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return error;
}

static void wait_condition(void) { CHECK(wait_signalled(3600000) == 0); }
static void time_out(void) { CHECK(wait_signalled(20) == ETIMEDOUT); }

static void signal_condition(void)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    signalled = 1;
    CHECK(pthread_cond_signal(&cond) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
}

static void wait_semaphore(void) { CHECK(sem_wait(&semaphore) == 0); }
static void post_semaphore(void) { CHECK(sem_post(&semaphore) == 0); }

static const struct place {
    const char *name;
    void (*wait)(void);
    void (*wake)(void);     /* NULL: the wait ends by itself */
} places[] = {
    { "nanosleep", sleep_20_ms, NULL },
    { "pthread_cond_timedwait, timed out", time_out, NULL },
    { "pthread_cond_timedwait, signalled", wait_condition, signal_condition },
    { "read", read_pipe, write_pipe },
    { "poll", poll_pipe, write_pipe },
    { "sem_wait", wait_semaphore, post_semaphore },
};

static void *wait_then_set(void *argument)
{
    const struct place *place = argument;
    place->wait();
    flag = 1;
    return NULL;
}

static void setter_waits(const struct place *place)
{
    flag = 0;
    pthread_t setter = start(wait_then_set, (void *)place);
    if (place->wake) {
        others_run();
        CHECK(!flag);
        place->wake();
    }
    while (!flag)
        ;
    join(setter);
    printf("main spins, a worker sets after %s\n", place->name);
}

int main(void)
{
    CHECK(pipe(wire) == 0 && sem_init(&semaphore, 0, 0) == 0);
    main_spins();
    worker_spins();
    ping_pong();
    for (size_t i = 0; i < COUNT(places); i++)
        setter_waits(&places[i]);
    return 0;
}
