/* A cancellation that came before acts at the next cancellation point, though
 * the call would not have to wait, and before the call has any effect:
 * pthreads(7), pthread_cancel(3).
 */
#include "lib/check.h"
#include "lib/mutexes.h"
#include "lib/unread.h"
#include <poll.h>
#include <semaphore.h>

static int loaded[2], roomy[2], sockets[2], file;
static sem_t available;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static char byte = 'x';

static void do_read(void) { (void)!read(loaded[0], &byte, 1); }
static void do_write(void) { (void)!write(roomy[1], &byte, 1); }
static void do_recv(void) { recv(sockets[0], &byte, 1, 0); }
static void do_send(void) { send(sockets[0], &byte, 1, 0); }
static void do_pwrite(void) { (void)!pwrite(file, &byte, 1, 0); }
static void do_fsync(void) { fsync(file); }
static void do_poll(void) { poll(NULL, 0, 0); }
static void do_sleep(void) { usleep(1); }
static void do_sem_wait(void) { sem_wait(&available); }
static void do_testcancel(void) { pthread_testcancel(); }

static void do_nanosleep(void)
{
    struct timespec nothing = { 0, 0 };
    nanosleep(&nothing, NULL);
}

static void do_cond_timedwait(void)
{
    struct timespec past = { 1, 0 };
    CHECK(pthread_mutex_lock(&mutex) == 0);
    pthread_cleanup_push(unlock_mutex, &mutex);
    pthread_cond_timedwait(&condition, &mutex, &past);
    pthread_cleanup_pop(1);
}

static const struct {
    const char *name;
    void (*call)(void);
} points[] = {
    { "read", do_read },
    { "write", do_write },
    { "recv", do_recv },
    { "send", do_send },
    { "pwrite", do_pwrite },
    { "fsync", do_fsync },
    { "poll", do_poll },
    { "usleep", do_sleep },
    { "nanosleep", do_nanosleep },
    { "sem_wait", do_sem_wait },
    { "pthread_cond_timedwait", do_cond_timedwait },
    { "pthread_testcancel", do_testcancel },
};

static int passed;

/* A barrier is no cancellation point, so the first point is the call. */
static void *call_when_cancelled(void *argument)
{
    void (*const *call)(void) = argument;
    pthread_barrier_wait(&barrier);
    passed++;
    (*call)();
    CHECK(!"the call returned");
    return NULL;
}

int main(void)
{
    CHECK(pipe(loaded) == 0 && pipe(roomy) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
    CHECK(sem_init(&available, 0, 1) == 0);
    CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
    file = temporary_file(0);
    give(loaded[1], 'a'), give(sockets[1], 'b');

    for (size_t i = 0; i < COUNT(points); i++) {
        pthread_t thread = start(call_when_cancelled, (void *)&points[i].call);
        others_run();
        CHECK(pthread_cancel(thread) == 0);
        others_run();
        pthread_barrier_wait(&barrier);
        CHECK(join(thread) == PTHREAD_CANCELED);
        printf("%s: cancelled\n", points[i].name);
        CHECK(passed == (int)i + 1);
    }

    int value;
    struct stat status;
    CHECK(sem_getvalue(&available, &value) == 0 && fstat(file, &status) == 0);
    printf("to read: %d and %d; written: %d, %d and %d; semaphore: %d\n",
           unread(loaded[0]), unread(sockets[0]), unread(roomy[0]),
           unread(sockets[1]), (int)status.st_size, value);
    return 0;
}
