/* Anchors with State Threads, for the programs of the same names in c-tests/bench.
 * There is no preemption and no second kernel thread, so a program needs no locks.
 * Follows the State Threads programmer's reference.
 *
 *     st_threads switch COUNT THREADS | cond_handoff COUNT | pipe_handoff COUNT
 *              | create_join COUNT | create_many THREADS | memory THREADS read|sleep
 *              | broadcast COUNT WAITERS | timed_wait COUNT
 */
#include "st_bench.h"

static long threads, turns, turn, waiting;
static st_cond_t changed, all_wait;
static st_utime_t limit = ST_UTIME_NO_TIMEOUT;

static void join_all(st_thread_t *running, long count)
{
    for (long index = 0; index < count; index++)
        CHECK(st_thread_join(running[index], NULL) == 0);
}

static st_thread_t *room_for(long count)
{
    st_thread_t *running = calloc((size_t)count, sizeof *running);
    CHECK(running);
    return running;
}

static void *do_nothing(void *argument)
{
    return argument;
}

/* ---- switch ------------------------------------------------------------- */

/* State Threads 1.9 has no yield; a sleep of no time goes to the end of the queue. */
static void *yield_often(void *argument)
{
    for (long number = 0; number <= turns; number++) {
        if (number == 1 && argument)
            *(double *)argument = now();        /* all stacks have been touched */
        st_usleep(0);
    }
    if (++waiting == threads)
        st_cond_signal(all_wait);
    CHECK(st_cond_wait(changed) == 0);
    return NULL;
}

static void bench_switch(int count, char **arguments)
{
    char name[64];
    double begin = 0;
    long yields = number_argument(count, arguments, 2, 0);

    threads = number_argument(count, arguments, 3, 0);
    turns = yields / threads;
    CHECK(turns > 0);
    st_thread_t *running = room_for(threads);
    for (long index = 0; index < threads; index++)
        running[index] = st_start(index, yield_often, index == 0 ? &begin : NULL);
    CHECK(st_cond_wait(all_wait) == 0);
    snprintf(name, sizeof name, "switch_%ld", threads);
    report_each(name, begin, turns * threads);
    st_cond_broadcast(changed);
    join_all(running, threads);
}

/* ---- hand-offs ---------------------------------------------------------- */

static void *take_turns(void *argument)
{
    long parity = (long)argument;
    while (turn < turns) {
        if (turn % 2 == parity) {
            turn++;
            st_cond_signal(changed);
        } else {
            CHECK(st_cond_timedwait(changed, limit) == 0);
        }
    }
    return NULL;
}

static void cond_handoff(const char *name, long count)
{
    turns = count;
    double begin = now();
    st_thread_t other = st_start(0, take_turns, (void *)1);
    take_turns((void *)0);
    CHECK(st_thread_join(other, NULL) == 0);
    report_each(name, begin, turns);
}

struct ends {
    st_netfd_t from, to;
};

static void give_st(st_netfd_t fd)
{
    CHECK(st_write(fd, "x", 1, limit) == 1);
}

static void take_st(st_netfd_t fd)
{
    char byte;
    CHECK(st_read(fd, &byte, 1, limit) == 1);
}

static void *answer(void *argument)
{
    const struct ends *ends = argument;
    for (long round = 0; round < turns / 2; round++) {
        take_st(ends->from);
        give_st(ends->to);
    }
    return NULL;
}

static void pipe_handoff(const char *name, long count)
{
    int there[2], back[2];

    turns = count & ~1L;
    CHECK(pipe(there) == 0 && pipe(back) == 0);
    struct ends theirs = { st_netfd_open(there[0]), st_netfd_open(back[1]) };
    struct ends mine = { st_netfd_open(back[0]), st_netfd_open(there[1]) };
    CHECK(theirs.from && theirs.to && mine.from && mine.to);
    double begin = now();
    st_thread_t other = st_start(0, answer, &theirs);
    for (long round = 0; round < turns / 2; round++) {
        give_st(mine.to);
        take_st(mine.from);
    }
    CHECK(st_thread_join(other, NULL) == 0);
    report_each(name, begin, turns);
}

/* ---- create ------------------------------------------------------------- */

static void create_join(long count)
{
    double begin = now();
    for (long index = 0; index < count; index++)
        CHECK(st_thread_join(st_start(0, do_nothing, NULL), NULL) == 0);
    report_each("create_join", begin, count);
}

static void *wait_for_release(void *argument)
{
    if (++waiting == threads)
        st_cond_signal(all_wait);
    CHECK(st_cond_wait(changed) == 0);
    return argument;
}

static void create_and_release(st_thread_t *running, const char *which)
{
    char name[64];

    waiting = 0;
    double begin = now();
    for (long index = 0; index < threads; index++)
        running[index] = st_start(index, wait_for_release, NULL);
    CHECK(st_cond_wait(all_wait) == 0);
    snprintf(name, sizeof name, "create_%ld%s", threads, which);
    report_each(name, begin, threads);

    begin = now();
    st_cond_broadcast(changed);
    join_all(running, threads);
    snprintf(name, sizeof name, "release_%ld%s", threads, which);
    report_each(name, begin, threads);
}

/* ---- memory ------------------------------------------------------------- */

static void *wait_for_byte(void *argument)
{
    if (++waiting == threads)
        st_cond_signal(all_wait);
    take_st(argument);
    return NULL;
}

static void *sleep_long(void *argument)
{
    if (++waiting == threads)
        st_cond_signal(all_wait);
    st_sleep(1000);
    return argument;
}

static void memory(const char *mode)
{
    st_netfd_t *fds = calloc((size_t)threads, sizeof *fds);
    int reads = strcmp(mode, "read") == 0, ends[2];
    char label[64];

    CHECK(fds);
    allow_descriptors(2 * threads + 100);
    for (long index = 0; reads && index < threads; index++) {
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
        CHECK(fds[index] = st_netfd_open_socket(ends[0]));
    }
    let_slabs_settle();
    struct footprint before = footprint_now();
    for (long index = 0; index < threads; index++)
        st_start(index, reads ? wait_for_byte : sleep_long, fds[index]);
    CHECK(st_cond_wait(all_wait) == 0);
    snprintf(label, sizeof label, "memory_%s", mode);
    report_growth(label, before, threads);
}

/* ---- broadcast ---------------------------------------------------------- */

static void *hear_calls(void *argument)
{
    for (long heard = 0; heard <= turns; heard++) {
        if (++waiting == threads)
            st_cond_signal(all_wait);
        if (heard < turns)
            CHECK(st_cond_wait(changed) == 0);
    }
    return argument;
}

static void broadcast(long awakenings)
{
    st_thread_t *running = room_for(threads);

    turns = awakenings / threads;
    CHECK(turns > 0);
    for (long index = 0; index < threads; index++)
        running[index] = st_start(index, hear_calls, NULL);
    CHECK(st_cond_wait(all_wait) == 0);
    double begin = now();
    for (long number = 0; number < turns; number++) {
        waiting = 0;
        st_cond_broadcast(changed);
        CHECK(st_cond_wait(all_wait) == 0);
    }
    report_each("broadcast", begin, turns * threads);
    join_all(running, threads);
}

int main(int count, char **arguments)
{
    CHECK(count > 2);
    const char *which = arguments[1];
    long number = number_argument(count, arguments, 2, 0);

    prepare_state_threads();
    CHECK((changed = st_cond_new()) && (all_wait = st_cond_new()));
    if (strcmp(which, "switch") == 0) {
        bench_switch(count, arguments);
    } else if (strcmp(which, "cond_handoff") == 0) {
        cond_handoff("cond_handoff", number);
    } else if (strcmp(which, "pipe_handoff") == 0) {
        pipe_handoff("pipe_handoff", number);
    } else if (strcmp(which, "create_join") == 0) {
        create_join(number);
    } else if (strcmp(which, "create_many") == 0) {
        threads = number;
        st_thread_t *running = room_for(threads);
        create_and_release(running, "");
        create_and_release(running, "_again");
    } else if (strcmp(which, "memory") == 0) {
        threads = number;
        memory(count > 3 ? arguments[3] : "read");
    } else if (strcmp(which, "broadcast") == 0) {
        threads = number_argument(count, arguments, 3, 1000);
        broadcast(number);
    } else if (strcmp(which, "timed_wait") == 0) {
        limit = 100 * 1000000ULL;
        cond_handoff("timed_cond", number);
        pipe_handoff("timed_poll", number);
    } else {
        cannot("no such bench: %s", which);
    }
    return 0;
}
