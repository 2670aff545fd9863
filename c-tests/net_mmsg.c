/* recvmmsg() waits until the whole vector is full, MSG_WAITFORONE makes it
 * wait for the first message only, and its timeout is looked at after each
 * message; sendmmsg() waits for room: recvmmsg(2), sendmmsg(2).
 */
#include "lib/check.h"
#include <sys/time.h>

enum { VECTOR = 4, MANY = 1000 };

struct vector {
    char text[VECTOR][8];
    struct iovec pieces[VECTOR];
    struct mmsghdr messages[VECTOR];
};

static void prepare(struct vector *vector)
{
    memset(vector, 0, sizeof *vector);
    for (int i = 0; i < VECTOR; i++) {
        vector->pieces[i] = (struct iovec){ vector->text[i], 8 };
        vector->messages[i].msg_hdr.msg_iov = &vector->pieces[i];
        vector->messages[i].msg_hdr.msg_iovlen = 1;
    }
}

static void *receive_all(void *argument)
{
    struct vector vector;
    prepare(&vector);
    int fd = *(int *)argument;
    CHECK(recvmmsg(fd, vector.messages, VECTOR, 0, NULL) == VECTOR);
    for (int i = 0; i < VECTOR; i++)
        CHECK(vector.messages[i].msg_len == 1 && vector.text[i][0] == 'a' + i);
    return NULL;
}

static void *receive_first(void *argument)
{
    struct vector vector;
    prepare(&vector);
    int fd = *(int *)argument;
    CHECK(recvmmsg(fd, vector.messages, VECTOR, MSG_WAITFORONE, NULL) == 1);
    CHECK(vector.text[0][0] == 'f');
    return NULL;
}

static void *send_many(void *argument)
{
    static struct mmsghdr messages[MANY];
    static struct iovec pieces[MANY];
    static int numbers[MANY];
    for (int i = 0; i < MANY; i++) {
        numbers[i] = i;
        pieces[i] = (struct iovec){ &numbers[i], sizeof numbers[i] };
        messages[i].msg_hdr.msg_iov = &pieces[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    CHECK(sendmmsg(*(int *)argument, messages, MANY, 0) == MANY);
    for (int i = 0; i < MANY; i++)
        CHECK(messages[i].msg_len == sizeof numbers[i]);
    return NULL;
}

int main(void)
{
    int ends[2];
    struct vector vector;
    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);

    pthread_t thread = start(receive_all, &ends[1]);
    for (char word = 'a'; word < 'a' + VECTOR; word++) {
        others_run();
        CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY);
        give(ends[0], word);
    }
    join(thread);
    puts("waits for all");

    thread = start(receive_first, &ends[1]);
    others_run();
    give(ends[0], 'f');
    join(thread);
    puts("MSG_WAITFORONE: waits for the first");

    prepare(&vector);
    FAILS(EAGAIN, recvmmsg(ends[1], vector.messages, 2, MSG_DONTWAIT, NULL));
    give(ends[0], 'x'), give(ends[0], 'y'), give(ends[0], 'z');
    struct timespec none = { 0, 0 }, long_time = { 10, 0 };
    CHECK(recvmmsg(ends[1], vector.messages, VECTOR, 0, &none) == 1);
    CHECK(recvmmsg(ends[1], vector.messages, 2, 0, &long_time) == 2);
    CHECK(long_time.tv_sec <= 9 || long_time.tv_nsec == 0);
    CHECK(long_time.tv_sec >= 1);
    puts("timeout: looked at after each message");

    struct timeval time = { 0, 50000 };
    CHECK(setsockopt(ends[1], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) == 0);
    give(ends[0], 'x'), give(ends[0], 'y');
    CHECK(recvmmsg(ends[1], vector.messages, VECTOR, 0, NULL) == 2);
    FAILS(EAGAIN, recvmmsg(ends[1], vector.messages, VECTOR, 0, NULL));
    puts("SO_RCVTIMEO: what came in time");

    CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
    thread = start(send_many, &ends[0]);
    others_run();
    for (int expected = 0; expected < MANY; expected++) {
        int number;
        CHECK(recv(ends[1], &number, sizeof number, 0) == sizeof number);
        CHECK(number == expected);
    }
    join(thread);
    printf("sendmmsg: %d messages through a full queue\n", MANY);
    return 0;
}
