/* mq_receive() on an empty queue and mq_send() to a full one stop the calling
 * thread alone, with and without a time limit. They are interrupted and are
 * cancellation points. mq_notify() is silent about a message that a thread waits
 * for: mq_overview(7), mq_send(3), mq_receive(3), mq_notify(3).
 */
#include "lib/message_queue.h"

static struct timespec after(long seconds, long nanoseconds)
{
    struct timespec time;
    CHECK(clock_gettime(CLOCK_REALTIME, &time) == 0);
    time.tv_sec += seconds + (time.tv_nsec + nanoseconds) / 1000000000;
    time.tv_nsec = (time.tv_nsec + nanoseconds) % 1000000000;
    return time;
}

static long receive(void)
{
    char text[SIZE];
    unsigned priority;
    return mq_receive(queue, text, SIZE, &priority) == -1 ? -1 : (long)priority;
}

static long receive_in_an_hour(void)
{
    char text[SIZE];
    unsigned priority;
    struct timespec limit = after(3600, 0);
    return mq_timedreceive(queue, text, SIZE, &priority, &limit) == -1 ? -1 : (long)priority;
}

static long send_1(void) { return mq_send(queue, "message", SIZE, 1); }

static long send_1_in_an_hour(void)
{
    struct timespec limit = after(3600, 0);
    return mq_timedsend(queue, "message", SIZE, 1, &limit);
}

static struct wait waits[] = {
    { "mq_receive, a thread sends", empty, receive, is_entered, thread_puts, 1, 1 },
    { "mq_receive, a process sends", empty, receive, is_entered, process_puts, 1, 1 },
    { "mq_timedreceive", empty, receive_in_an_hour, is_entered, process_puts, 1, 1 },
    { "mq_send, a thread receives", full, send_1, is_entered, thread_gets, 1, 1 },
    { "mq_send, a process receives", full, send_1, is_entered, process_gets, 1, 1 },
    { "mq_timedsend", full, send_1_in_an_hour, is_entered, process_gets, 1, 1 },
};

static void *time_out(void *unused)
{
    char text[SIZE];
    struct timespec past = { 0, 0 }, bad = { 0, 1000000000 }, soon = after(0, 20000000);
    empty(NULL);
    double begin = seconds(CLOCK_MONOTONIC);
    FAILS(ETIMEDOUT, mq_timedreceive(queue, text, SIZE, NULL, &soon));
    CHECK(seconds(CLOCK_MONOTONIC) - begin >= 0.01);
    FAILS(ETIMEDOUT, mq_timedreceive(queue, text, SIZE, NULL, &past));
    FAILS(EINVAL, mq_timedreceive(queue, text, SIZE, NULL, &bad));
    FAILS(EAGAIN, mq_timedreceive(never_waits, text, SIZE, NULL, &soon));
    CHECK(mq_timedsend(queue, "message", SIZE, 1, &past) == 0);
    full(NULL);
    soon = after(0, 20000000);
    FAILS(ETIMEDOUT, mq_timedsend(queue, "message", SIZE, 1, &soon));
    FAILS(EAGAIN, mq_timedsend(never_waits, "message", SIZE, 1, &soon));
    CHECK(mq_timedreceive(queue, text, SIZE, NULL, &past) == SIZE);
    return unused;
}

static void *receive_quietly(void *unused)
{
    CHECK(receive() == 1);
    return unused;
}

/* A thread in mq_receive goes first. It may not have got there yet. */
static void notify(void)
{
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2 };
    sigset_t pending;
    int early = 1;
    while (early) {
        empty(NULL);
        CHECK(mq_notify(queue, &event) == 0);
        pthread_t thread = start(receive_quietly, NULL);
        others_run();
        CHECK(put(1) == 0);
        join(thread);
        CHECK(sigpending(&pending) == 0);
        early = sigismember(&pending, SIGUSR2);
        if (early)
            CHECK(sigwaitinfo(&pending, NULL) == SIGUSR2);
        else
            CHECK(mq_notify(queue, NULL) == 0);
    }
    puts("no signal for a message that a thread waits for");
}

int main(void)
{
    char text[SIZE];
    make_queue();

    in_four_ways(waits, COUNT(waits));
    join(start(time_out, NULL));
    notify();

    CHECK(put(1) == 0 && put(7) == 0);
    printf("the higher priority comes first: %ld", receive());
    printf(" and %ld\n", receive());
    FAILS(EMSGSIZE, mq_send(queue, text, SIZE + 1, 0));
    FAILS(EMSGSIZE, mq_receive(queue, text, SIZE - 1, NULL));
    FAILS(EINVAL, mq_send(queue, text, SIZE, 32768));
    FAILS(EBADF, mq_send(-1, text, SIZE, 0));
    FAILS(EBADF, mq_receive(0, text, SIZE, NULL));
    return 0;
}
