/* A UNIX datagram socket whose queue is full makes its senders wait, connected
 * to it or not, until it is read; its timeout or the receiver's
 * end stops the wait; others run meanwhile: unix(7), sendto(2), socket(7).
 */
#include "lib/check.h"
#include <semaphore.h>
#include <sys/time.h>

static struct unix_address address;
static int receiver;
static sem_t begun;

struct sender {
    int fd, connected;
    char word;
};

static ssize_t send_word(const struct sender *sender, int flags)
{
    if (sender->connected)
        return send(sender->fd, &sender->word, 1, flags);
    return sendto(sender->fd, &sender->word, 1, flags, (struct sockaddr *)&address.name,
                  address.length);
}

static void *send_one(void *argument)
{
    const struct sender *sender = argument;
    CHECK(sem_post(&begun) == 0);
    ssize_t count = send_word(sender, 0);
    printf("  send: %zd %s\n", count, errno_name(count == -1 ? errno : 0));
    return NULL;
}

static void open_receiver(void)
{
    address = (struct unix_address){ .name.sun_family = AF_UNIX, .length = sizeof address.name };
    CHECK((receiver = socket(AF_UNIX, SOCK_DGRAM, 0)) >= 0);
    CHECK(bind(receiver, (struct sockaddr *)&address.name, sizeof(sa_family_t)) == 0);
    CHECK(getsockname(receiver, (struct sockaddr *)&address.name, &address.length) == 0);
}

static struct sender open_sender(int connected)
{
    struct sender sender = { socket(AF_UNIX, SOCK_DGRAM, 0), connected, 'f' };
    CHECK(sender.fd >= 0);
    if (connected)
        CHECK(connect(sender.fd, (struct sockaddr *)&address.name, address.length) == 0);
    return sender;
}

static int fill(const struct sender *sender)
{
    int total = 0;
    while (send_word(sender, MSG_DONTWAIT) == 1)
        total++;
    CHECK(errno == EAGAIN && total > 0);
    return total;
}

static pthread_t sending(struct sender *sender)
{
    pthread_t thread = start(send_one, sender);
    CHECK(sem_wait(&begun) == 0);
    others_run();
    CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY);
    return thread;
}

static void exercise(const char *name, int connected)
{
    puts(name);
    open_receiver();
    struct sender sender = open_sender(connected);
    int total = fill(&sender);
    sender.word = 'l';
    pthread_t thread = sending(&sender);
    for (int i = 0; i < total; i++)
        CHECK(take(receiver) == 'f');
    CHECK(take(receiver) == 'l');
    join(thread);

    fill(&sender);
    struct timeval limit = { 0, 100000 }, none = { 0, 0 };
    CHECK(setsockopt(sender.fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0);
    double begin = seconds(CLOCK_MONOTONIC);
    send_one(&sender);
    CHECK(sem_wait(&begun) == 0 && seconds(CLOCK_MONOTONIC) - begin >= 0.09);
    CHECK(setsockopt(sender.fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none) == 0);

    thread = sending(&sender);
    CHECK(close(receiver) == 0);
    join(thread);
    close(sender.fd);
}

int main(void)
{
    CHECK(sem_init(&begun, 0, 0) == 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    exercise("connected", 1);
    exercise("by address", 0);
    return 0;
}
