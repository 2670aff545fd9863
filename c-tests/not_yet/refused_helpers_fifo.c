/* From some moment on the process may have no kernel thread more: EAGAIN, as at
 * RLIMIT_NPROC (all processes of a user share that) or a limit of a cgroup's. The threads
 * that exist go on: one waits for the peer of a FIFO, and others run meanwhile. clone(2),
 * getrlimit(2), fifo(7).
 */
#include "../lib/refuse.h"
#include <semaphore.h>

static char fifo[] = "/tmp/check-XXXXXX";
static sem_t go, begun, ping, pong;

static void begin(void)
{
    CHECK(sem_wait(&go) == 0 && sem_post(&begun) == 0);
}

static void *by_fifo(void *unused)
{
    begin();
    int end = open(fifo, O_RDONLY);
    CHECK(end >= 0 && close(end) == 0);
    return unused;
}

static void *answer(void *unused)
{
    for (;;) {
        CHECK(sem_wait(&ping) == 0);
        CHECK(sem_post(&pong) == 0);
    }
    return unused;
}

static void exchange(void)
{
    for (int i = 0; i < 20; i++) {
        CHECK(sem_post(&ping) == 0);
        CHECK(sem_wait(&pong) == 0);
    }
}

/* `body` waits, in a thread that exists before; then the others run; then it is let go. */
static void one_waits(thread_body *body, void (*release)(void))
{
    pthread_t waiter = start(body, NULL);
    CHECK(pthread_detach(start(answer, NULL)) == 0);
    exchange();
    refuse_all((struct refusal[]){ { .call = SYS_clone, .error = EAGAIN },
                                   { .call = SYS_clone3, .error = EAGAIN } }, 2);
    CHECK(sem_post(&go) == 0 && sem_wait(&begun) == 0);
    exchange();
    release();
    join(waiter);
}

static void release_fifo(void)
{
    int end = open(fifo, O_WRONLY);
    CHECK(end >= 0 && close(end) == 0);
}

static void the_fifo(void) { one_waits(by_fifo, release_fifo); }

int main(void)
{
    CHECK(sem_init(&go, 0, 0) == 0 && sem_init(&begun, 0, 0) == 0);
    CHECK(sem_init(&ping, 0, 0) == 0 && sem_init(&pong, 0, 0) == 0);
    CHECK(close(mkstemp(fifo)) == 0 && unlink(fifo) == 0 && mkfifo(fifo, 0600) == 0);
    alone("a FIFO", the_fifo);
    CHECK(unlink(fifo) == 0);
    return 0;
}
