/* A message queue can be polled: a thread that waits in poll() for a message or
 * for room does so alone, and O_NONBLOCK queues do not wait. mq_notify() sends one
 * signal for the first message: mq_overview(7), mq_notify(3).
 */
#include "lib/message_queue.h"
#include <poll.h>

static long poll_for(short events)
{
    struct pollfd one = { queue, events, 0 };
    int ready = poll(&one, 1, -1);
    CHECK(ready == -1 || (ready == 1 && one.revents == events));
    return ready;
}

static long poll_in(void) { return poll_for(POLLIN); }
static long poll_out(void) { return poll_for(POLLOUT); }

static struct wait waits[] = {
    { "poll, a process sends", empty, poll_in, is_entered, process_puts, 0, 1 },
    { "poll, a thread sends", empty, poll_in, is_entered, thread_puts, 0, 1 },
    { "poll, a process receives", full, poll_out, is_entered, process_gets, 0, 1 },
    { "poll, a thread receives", full, poll_out, is_entered, thread_gets, 0, 1 },
};

static void *await_signal(void *unused)
{
    sigset_t set;
    siginfo_t info;
    CHECK(sigemptyset(&set) == 0 && sigaddset(&set, SIGUSR2) == 0);
    CHECK(sigwaitinfo(&set, &info) == SIGUSR2);
    printf("SI_MESGQ: %d, value %d\n", info.si_code == SI_MESGQ, info.si_value.sival_int);
    return unused;
}

static void notify(void)
{
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2,
                              .sigev_value.sival_int = 42 };
    empty(NULL);
    CHECK(mq_notify(queue, &event) == 0);
    FAILS(EBUSY, mq_notify(never_waits, &event));
    pthread_t thread = start(await_signal, NULL);
    others_run();
    CHECK(put(1) == 0);
    join(thread);
    CHECK(mq_notify(queue, NULL) == 0);
    puts("one signal for the first message");
}

int main(void)
{
    char text[SIZE];
    make_queue();

    in_four_ways(waits, COUNT(waits));
    notify();

    empty(NULL);
    CHECK(put(1) == 0 && put(7) == 0);
    CHECK(get() == 7 && get() == 1);
    puts("the higher priority comes first");
    CHECK(mq_setattr(queue, &(struct mq_attr){ .mq_flags = O_NONBLOCK }, NULL) == 0);
    FAILS(EAGAIN, mq_receive(queue, text, SIZE, NULL));
    full(NULL);
    FAILS(EAGAIN, mq_send(queue, text, SIZE, 0));
    return 0;
}
