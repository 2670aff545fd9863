/*
 * cpuclock: every thread has a processor-time clock of its own, which others
 * can read.  It advances while the thread computes, not while it waits and
 * others compute; a new thread's starts from nothing.
 * Follows pthread_getcpuclockid(3), clock_gettime(2).
 */
#include "lib/expect.h"

enum { MILLISECOND = 1000000, WORK = 20 * MILLISECOND };

typedef long long nanoseconds;

static pthread_barrier_t turn;
static nanoseconds worked_from, worked_to;

static void say(const char *what, int truth)
{
    printf("%s: %s\n", what, truth ? "yes" : "no");
}

/* Of a clock that cannot be read the answer is 0, and it is told. */
static nanoseconds read_clock(clockid_t clock)
{
    struct timespec time = { 0, 0 };
    if (clock_gettime(clock, &time) != 0)
        printf("clock_gettime: %s\n", errno_name(errno));
    return (nanoseconds)time.tv_sec * 1000 * MILLISECOND + time.tv_nsec;
}

static nanoseconds own_time(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

/* Computes until the thread's own clock says that it has for so long, at most a
 * hundred times as many rounds as that takes; true if the clock never stepped back. */
static int compute(nanoseconds work)
{
    nanoseconds start = own_time(), now = start, before;
    int forward = 1;
    for (int round = 0; round < 100000 && now - start < work; round++) {
        for (volatile int i = 0; i < 20000; i++)
            ;
        before = now;
        now = own_time();
        forward &= now >= before;
    }
    return forward && now - start >= work;
}

static clockid_t clock_of(const char *name, pthread_t thread)
{
    clockid_t clock;
    struct timespec resolution = { 9, 9 };
    printf("clock of %s: %s", name, errno_name(pthread_getcpuclockid(thread, &clock)));
    int error = clock_getres(clock, &resolution) == 0 ? 0 : errno;
    printf(", resolution %s %lld.%09ld\n", errno_name(error), (long long)resolution.tv_sec,
           resolution.tv_nsec);
    return clock;
}

static void *work(void *created_at)
{
    nanoseconds now = own_time();
    say("a new thread's clock is behind its creator's", now < *(nanoseconds *)created_at);
    clockid_t own = clock_of("itself", pthread_self());
    now = own_time();
    nanoseconds by_id = read_clock(own);
    say("both name the same clock", now <= by_id && by_id <= own_time());
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);

    worked_from = own_time();
    say("the thread computed, its clock never stepped back", compute(WORK));
    worked_to = own_time();
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    return NULL;
}

int main(void)
{
    OK(pthread_barrier_init(&turn, NULL, 2));
    say("main computed, its clock never stepped back", compute(2 * WORK));
    nanoseconds created_at = own_time();
    pthread_t thread = start_thread(work, &created_at);
    pthread_barrier_wait(&turn);
    clockid_t its = clock_of("the thread", thread);
    clockid_t mains = clock_of("main", pthread_self());

    /* The thread waits, main computes. */
    nanoseconds its_from = read_clock(its), mains_from = own_time();
    compute(WORK);
    nanoseconds its_span = read_clock(its) - its_from, mains_span = read_clock(mains) - mains_from;
    say("main's clock advanced", mains_span >= WORK);
    say("the waiting thread's did not", its_span < mains_span / 2);

    /* Main waits, the thread computes. */
    nanoseconds all_from = read_clock(CLOCK_PROCESS_CPUTIME_ID);
    its_from = read_clock(its), mains_from = own_time();
    pthread_barrier_wait(&turn);
    pthread_barrier_wait(&turn);
    nanoseconds its_to = read_clock(its);
    nanoseconds all_span = read_clock(CLOCK_PROCESS_CPUTIME_ID) - all_from;
    mains_span = own_time() - mains_from;
    say("the thread's clock advanced", its_to - its_from >= WORK);
    say("its own readings lie between main's", its_from <= worked_from && worked_to <= its_to);
    say("waiting main's did not advance", mains_span < (its_to - its_from) / 2);
    say("the process's advanced as far", all_span >= worked_to - worked_from);

    pthread_barrier_wait(&turn);
    join_thread(thread);
    return 0;
}
