/* A POSIX message queue, `queue`, and a second description of it, `never_waits`; what makes it
 * empty or full, and who puts a message or gets one: mq_overview(7).
 *
 *   make_queue();           SIGUSR2, for mq_notify(), is blocked
 *   empty, full             prepare a wait (waits.h)
 *   thread_puts, thread_gets, process_puts, process_gets        let it go on
 */
#ifndef MESSAGE_QUEUE_H
#define MESSAGE_QUEUE_H

#include "other.h"
#include "signals.h"
#include "waits.h"
#include <mqueue.h>

enum { MESSAGES = 2, SIZE = 8 };

static mqd_t queue, never_waits;

static inline void make_queue(void)
{
    char name[40];
    struct mq_attr attributes = { .mq_maxmsg = MESSAGES, .mq_msgsize = SIZE };
    change_mask(SIG_BLOCK, SIGUSR2);
    snprintf(name, sizeof name, "/check-mq-%d", (int)getpid());
    CHECK((queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes)) >= 0);
    never_waits = mq_open(name, O_RDWR | O_NONBLOCK);
    CHECK(mq_unlink(name) == 0 && never_waits >= 0);
}

static inline int put(unsigned priority)
{
    return mq_send(never_waits, "message", SIZE, priority);
}

static inline long get(void)
{
    char text[SIZE];
    unsigned priority;
    ssize_t size = mq_receive(never_waits, text, SIZE, &priority);
    CHECK(size == -1 || (size == SIZE && strcmp(text, "message") == 0));
    return size == -1 ? -1 : (long)priority;
}

/* In the other process. */
static void obey(char word)
{
    CHECK(word == 'p' ? put(3) == 0 : get() >= 0);
}

static inline void empty(void *unused)
{
    (void)unused;
    while (get() >= 0)
        continue;
    CHECK(errno == EAGAIN);
}

static inline void full(void *unused)
{
    (void)unused;
    while (put(1) == 0)
        continue;
    CHECK(errno == EAGAIN);
}

static inline void thread_puts(void *unused) { (void)unused; CHECK(put(2) == 0); }
static inline void thread_gets(void *unused) { (void)unused; CHECK(get() == 1); }
static inline void process_puts(void *unused) { (void)unused; tell('p'); }
static inline void process_gets(void *unused) { (void)unused; tell('g'); }

#endif
