/* msgrcv() on a queue without the right message and msgsnd() on a full one stop
 * the calling thread alone. A signal handler interrupts them, with SA_RESTART
 * too; both are cancellation points: msgop(2), signal(7).
 */
#include "lib/beside.h"
#include <sched.h>
#include <sys/msg.h>
#include <sys/prctl.h>

#include "lib/reaper.h"
#include "lib/other.h"
#include "lib/waits.h"

enum { SIZE = 1024 };

struct message {
    long type;
    char text[SIZE];
};

static const size_t word = 5;

static void send_one(long type)
{
    struct message message = { type, "word" };
    CHECK(msgsnd(object, &message, word, IPC_NOWAIT) == 0);
}

static long receive(long type, int flags)
{
    struct message message = { 0 };
    ssize_t size = msgrcv(object, &message, SIZE, type, flags);
    CHECK(size == -1 || size == SIZE || (size == (ssize_t)word && strcmp(message.text, "word") == 0));
    return size == -1 ? -1 : message.type;
}

static void obey(char what)
{
    if (what == 'r')
        CHECK(receive(0, IPC_NOWAIT) > 0);
    else
        send_one(what - '0');
}

static void empty(void *unused)
{
    (void)unused;
    while (receive(0, IPC_NOWAIT) != -1)
        continue;
    CHECK(errno == ENOMSG);
}

static void wrong_types(void *unused)
{
    empty(unused);
    send_one(4), send_one(3);
}

static void full(void *unused)
{
    struct message message = { 1, "word" };
    empty(unused);
    while (msgsnd(object, &message, SIZE, IPC_NOWAIT) == 0)
        continue;
    CHECK(errno == EAGAIN);
}

static void thread_sends(void *unused) { (void)unused; send_one(2); }
static void process_sends(void *unused) { (void)unused; tell('2'); }
static void thread_receives(void *unused) { (void)unused; CHECK(receive(0, IPC_NOWAIT) == 1); }
static void process_receives(void *unused) { (void)unused; tell('r'); }

static void process_sends_another(void *unused)
{
    (void)unused;
    tell('5');
    others_run();
    tell('2');
}

static long receive_any(void) { return receive(0, 0); }
static long receive_2(void) { return receive(2, 0); }
static long receive_up_to_2(void) { return receive(-2, 0); }

static long send_large(void)
{
    struct message message = { 1, "word" };
    return msgsnd(object, &message, SIZE, 0);
}

static struct wait waits[] = {
    { "msgrcv, a thread sends", empty, receive_any, is_entered, thread_sends, 0, 1 },
    { "msgrcv of type 2", wrong_types, receive_2, is_entered, process_sends_another, 0, 1 },
    { "msgrcv of types up to 2", wrong_types, receive_up_to_2, is_entered, process_sends, 0, 1 },
    { "msgsnd, a thread receives", full, send_large, is_entered, thread_receives, 0, 1 },
    { "msgsnd, a process receives", full, send_large, is_entered, process_receives, 0, 1 },
};

static void errors(void)
{
    struct message message = { 1, "a longer text" };
    empty(NULL);
    FAILS(ENOMSG, msgrcv(object, &message, SIZE, 0, IPC_NOWAIT));
    CHECK(msgsnd(object, &message, 14, 0) == 0);
    FAILS(ENOMSG, msgrcv(object, &message, SIZE, 2, IPC_NOWAIT));
    FAILS(ENOMSG, msgrcv(object, &message, SIZE, 1, IPC_NOWAIT | MSG_EXCEPT));
    FAILS(E2BIG, msgrcv(object, &message, 8, 0, 0));
    printf("MSG_NOERROR: %zd", msgrcv(object, &message, 8, 0, MSG_NOERROR));
    printf(" %.8s\n", message.text);
    full(NULL);
    FAILS(EAGAIN, msgsnd(object, &message, SIZE, IPC_NOWAIT));
    message.type = 0;
    FAILS(EINVAL, msgsnd(object, &message, 1, 0));
    message.type = 1;
    FAILS(EINVAL, msgsnd(object, &message, (size_t)-1, 0));
    FAILS(EINVAL, msgrcv(object, &message, (size_t)-1, 0, 0));
    FAILS(EFAULT, msgsnd(object, (void *)1, 1, 0));
}

static void remove_queue(int id)
{
    msgctl(id, IPC_RMID, NULL);
}

static void make_queue(void)
{
    CHECK((object = msgget(IPC_PRIVATE, 0600)) >= 0);
    remove_at_the_end(remove_queue);
}

static void *send_to_the_end(void *unused)
{
    (void)unused;
    CHECK(send_large() == -1);
    return (void *)(long)errno;
}

static void *receive_to_the_end(void *unused)
{
    (void)unused;
    CHECK(receive(9, 0) == -1);
    return (void *)(long)errno;
}

/* EINVAL: the thread had not yet got to its wait. */
static void removal(const char *name, thread_body *body)
{
    long error;
    do {
        make_queue();
        full(NULL);
        pthread_t thread = start(body, NULL);
        others_run();
        remove_queue(object);
        error = (long)join(thread);
    } while (error == EINVAL);
    printf("%s, removed: %s\n", name, errno_name((int)error));
}

int main(void)
{
    make_queue();
    in_four_ways(waits, COUNT(waits));
    errors();
    remove_queue(object);
    removal("msgsnd", send_to_the_end);
    removal("msgrcv", receive_to_the_end);
    struct message message = { 1, "" };
    FAILS(EINVAL, msgsnd(object, &message, 1, 0));
    FAILS(EINVAL, msgrcv(object, &message, 1, 0, 0));
    return 0;
}
