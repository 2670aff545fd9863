/* Green threads in every kind of wait, and many of one kind, for debuggers and dumps to look at.
 *
 *     parked_many N [busy]     N threads wait for one condition; beside them one each: "reader" reads a pipe,
 *                              "receiver" a TCP socket, "owner" sleeps with a mutex that "wanter" wants, "poster" waits
 *                              for a semaphore, "locker" for a file's lock (flock), "joiner" for the end of "wanter",
 *                              "poller" for two pipes; with `busy` one, "busy", computes, and says nothing
 *     parked_many N mixed      the N threads, numbered from 0, wait below 1 + number % 4 calls of one function, each of which
 *                              has 16 + number % 3 * 1000 bytes of variables
 *     parked_many 0 crash      the same; then a thread, "crasher", aborts
 *
 * Says "parked PORT PORT", the two ends of the socket, when all have come where they wait next; ends when a byte, or
 * the end, is on standard input. Follows pthreads(7), flock(2), tcp(7).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#define NEED(condition)                                            \
    do {                                                           \
        if (!(condition)) {                                        \
            fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
            _exit(2);                                              \
        }                                                          \
    } while (0)

static pthread_mutex_t common = PTHREAD_MUTEX_INITIALIZER, held = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static sem_t semaphore;
static int data[2], quiet[2], locked[2], client, service;
static pthread_t wanter_handle;
static _Atomic long arrived, held_now;
static volatile int over; /* never */
static atomic_ulong computed;

/* Not inlined, so that it has a frame, and it could come back, for all the compiler knows. */
__attribute__((noinline)) void wait_for_ever(void)
{
    pthread_mutex_lock(&common);
    arrived++;
    while (!over)
        pthread_cond_wait(&never, &common);
    pthread_mutex_unlock(&common);
}

static void *waiting_thread(void *unused)
{
    wait_for_ever();
    return unused;
}

__attribute__((noipa)) long descend(long levels, long room)
{
    volatile char variables[room];
    variables[0] = variables[room - 1] = 1;
    if (levels)
        descend(levels - 1, room);
    else
        wait_for_ever();
    return variables[0];
}

static void *mixed_thread(void *argument)
{
    long number = (long)argument;
    descend(number % 4, 16 + number % 3 * 1000);
    return argument;
}

__attribute__((noinline)) ssize_t read_a_byte(int fd)
{
    char byte;
    ssize_t got = read(fd, &byte, 1);
    return got + 1;
}

static void *reading_thread(void *unused)
{
    arrived++;
    read_a_byte(data[0]);
    return unused;
}

static void *receiving_thread(void *unused)
{
    char byte;
    arrived++;
    recv(service, &byte, 1, 0);
    return unused;
}

static void *owning_thread(void *unused)
{
    pthread_mutex_lock(&held);
    held_now = 1;
    arrived++;
    sleep(100000);
    return unused;
}

static void *wanting_thread(void *unused)
{
    while (!held_now)
        sched_yield();
    arrived++;
    pthread_mutex_lock(&held);
    return unused;
}

static void *posted_thread(void *unused)
{
    arrived++;
    sem_wait(&semaphore);
    return unused;
}

static void *locking_thread(void *unused)
{
    arrived++;
    flock(locked[1], LOCK_EX);
    return unused;
}

static void *joining_thread(void *unused)
{
    arrived++;
    pthread_join(wanter_handle, NULL);
    return unused;
}

static void *polling_thread(void *unused)
{
    struct pollfd two[] = { { data[0], POLLIN, 0 }, { quiet[0], POLLIN, 0 } };
    arrived++;
    poll(two, 2, -1);
    return unused;
}

__attribute__((noinline)) void compute_hard(void)
{
    while (!over)
        computed++;
}

static void *busy_thread(void *unused)
{
    arrived++;
    compute_hard();
    return unused;
}

__attribute__((noinline)) void crash_here(void)
{
    abort();
}

static void *crashing_thread(void *unused)
{
    crash_here();
    return unused;
}

static pthread_t start(void *(*function)(void *), const char *name)
{
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, function, NULL) == 0);
    if (name)
        pthread_setname_np(thread, name);
    return thread;
}

static void start_numbered(long number)
{
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, mixed_thread, (void *)number) == 0);
}

static int port_of(int fd)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    NEED(getsockname(fd, (struct sockaddr *)&address, &length) == 0);
    return ntohs(address.sin_port);
}

static void connect_both(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    NEED(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 1) == 0);
    address.sin_port = htons((uint16_t)port_of(listener));
    client = socket(AF_INET, SOCK_STREAM, 0);
    NEED(connect(client, (struct sockaddr *)&address, sizeof address) == 0);
    NEED((service = accept(listener, NULL, NULL)) >= 0);
    close(listener);
}

/* Two descriptions of one file that has no name any more; the first holds the lock. */
static void lock_a_file(void)
{
    char name[] = "/tmp/parked_many.XXXXXX";
    NEED((locked[0] = mkstemp(name)) >= 0);
    NEED((locked[1] = open(name, O_RDWR)) >= 0 && unlink(name) == 0);
    NEED(flock(locked[0], LOCK_EX) == 0);
}

int main(int count, char **arguments)
{
    long many = count > 1 ? atol(arguments[1]) : 0, others = 8;
    const char *mode = count > 2 ? arguments[2] : "";
    NEED(pipe(data) == 0 && pipe(quiet) == 0 && sem_init(&semaphore, 0, 0) == 0);
    connect_both();
    lock_a_file();

    for (long i = 0; i < many; i++)
        if (strcmp(mode, "mixed") == 0)
            start_numbered(i);
        else
            start(waiting_thread, NULL);
    start(reading_thread, "reader");
    start(receiving_thread, "receiver");
    start(owning_thread, "owner");
    wanter_handle = start(wanting_thread, "wanter");
    start(posted_thread, "poster");
    /* Whoever asks for it first may have to find out what kind of file it is, and where. */
    NEED(flock(locked[1], LOCK_EX | LOCK_NB) == -1);
    start(locking_thread, "locker");
    start(joining_thread, "joiner");
    start(polling_thread, "poller");
    while (arrived < many + others)
        sched_yield();
    /* They have a wait ahead of them and nothing else to do: a turn of all of them, and they are in it. */
    for (int i = 0; i < 3; i++)
        sched_yield();
    if (strcmp(mode, "busy") == 0)
        start(busy_thread, "busy");
    if (strcmp(mode, "crash") == 0)
        pthread_join(start(crashing_thread, "crasher"), NULL);
    printf("parked %d %d\n", port_of(service), port_of(client));
    fflush(stdout);
    read_a_byte(0);
    return 0;
}
