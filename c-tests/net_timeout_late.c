/* Data that came in time is received, however late the waiting thread gets to run. socket(7) (SO_RCVTIMEO): an error is
 * returned "if no data has been transferred and the timeout has been reached"; poll(2) reports what is ready when it returns.
 *
 * A child sends at once while a thread waits with a time-out of some tenths of a second. The main thread makes a system call
 * of its own, past libc, that takes longer; where that holds up the others, the waiting thread wakes when both its time is up
 * and its data is there.
 *
 * test: slow
 */
#include "lib/check.h"

#include <poll.h>
#include <semaphore.h>
#include <sys/syscall.h>

static sem_t about_to_wait;

static void nap_past_libc(long milliseconds)
{
    struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "0"(SYS_nanosleep), "D"(&time), "S"(NULL) : "rcx", "r11", "memory");
    CHECK(result == 0);
}

static void limit(int socket)
{
    struct timeval time = { 0, 400000 };
    CHECK(setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) == 0);
}

static void *wait_recv(void *argument)
{
    int end = *(int *)argument;
    char byte = 0;
    limit(end);
    CHECK(sem_post(&about_to_wait) == 0);
    ssize_t count = recv(end, &byte, 1, 0);
    printf("recv: %zd %s\n", count, count < 0 ? errno_name(errno) : byte == 'x' ? "x" : "?");
    return NULL;
}

static void *wait_accept(void *argument)
{
    int listener = *(int *)argument;
    limit(listener);
    CHECK(sem_post(&about_to_wait) == 0);
    int connection = accept(listener, NULL, NULL);
    printf("accept: %s\n", connection < 0 ? errno_name(errno) : "a connection");
    if (connection >= 0)
        close(connection);
    return NULL;
}

static void *wait_poll(void *argument)
{
    struct pollfd one = { .fd = *(int *)argument, .events = POLLIN };
    CHECK(sem_post(&about_to_wait) == 0);
    int count = poll(&one, 1, 400);
    printf("poll: %d\n", count);
    return NULL;
}

/* The child does its part when it is told to. */
static void meet(thread_body *body, int waited_for, int tell)
{
    pthread_t thread = start(body, &waited_for);
    CHECK(sem_wait(&about_to_wait) == 0);
    sched_yield();
    give(tell, 'g');
    nap_past_libc(700);
    join(thread);
}

int main(void)
{
    int pair[2], other[2], told[2];
    struct sockaddr_in address;
    int listener = tcp_listener(&address);

    CHECK(sem_init(&about_to_wait, 0, 0) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, other) == 0);
    CHECK(pipe(told) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        close(told[1]);
        take(told[0]);
        give(pair[1], 'x');
        take(told[0]);
        int client = tcp_connect(&address);
        take(told[0]);
        give(other[1], 'x');
        close(client);
        _exit(0);
    }
    meet(wait_recv, pair[0], told[1]);
    meet(wait_accept, listener, told[1]);
    meet(wait_poll, other[0], told[1]);
    printf("child: %s\n", child_end(child));
    return 0;
}
