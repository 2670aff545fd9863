/* From some moment on the process may have no kernel thread more: EAGAIN, as at
 * RLIMIT_NPROC (all processes of a user share that) or a limit of a cgroup's. The threads
 * that exist go on: one waits for a lock, one for a record lock, one for any child, and others
 * run meanwhile. clone(2), getrlimit(2), flock(2), fcntl(2), wait(2).
 */
#include "lib/refuse.h"
#include "lib/locked.h"
#include <semaphore.h>
#include <sys/file.h>

static pid_t child;
static int gate[2], other;
static sem_t go, begun, ping, pong;

static void begin(void)
{
    CHECK(sem_wait(&go) == 0 && sem_post(&begun) == 0);
}

static void *by_flock(void *unused)
{
    begin();
    CHECK(flock(other, LOCK_EX) == 0 && flock(other, LOCK_UN) == 0);
    return unused;
}

static void *by_record(void *unused)
{
    struct flock whole = { .l_type = F_WRLCK };
    begin();
    CHECK(fcntl(other, F_OFD_SETLKW, &whole) == 0);
    whole.l_type = F_UNLCK;
    CHECK(fcntl(other, F_OFD_SETLK, &whole) == 0);
    return unused;
}

static void *by_wait(void *unused)
{
    int status;
    begin();
    CHECK(wait(&status) == child && WEXITSTATUS(status) == 5);
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

static void release_flock(void)
{
    exchange();
    CHECK(flock(file, LOCK_UN) == 0);
}

static void release_record(void)
{
    struct flock whole = { .l_type = F_UNLCK };
    exchange();
    CHECK(fcntl(file, F_OFD_SETLK, &whole) == 0);
}

static void release_child(void) { give(gate[1], 'x'); }

static void the_flock(void)
{
    CHECK(flock(file, LOCK_EX) == 0);
    one_waits(by_flock, release_flock);
}

static void the_record(void)
{
    struct flock whole = { .l_type = F_WRLCK };
    CHECK(fcntl(file, F_OFD_SETLK, &whole) == 0);
    one_waits(by_record, release_record);
}

static void the_child(void)
{
    CHECK((child = fork()) >= 0);
    if (child == 0) {
        char byte;
        CHECK(close(gate[1]) == 0);
        _exit(read(gate[0], &byte, 1) == 1 ? 5 : 0);
    }
    one_waits(by_wait, release_child);
}

int main(void)
{
    CHECK(sem_init(&go, 0, 0) == 0 && sem_init(&begun, 0, 0) == 0);
    CHECK(sem_init(&ping, 0, 0) == 0 && sem_init(&pong, 0, 0) == 0 && pipe(gate) == 0);
    file = temporary_file(0);
    other = description();
    alone("flock", the_flock);
    alone("fcntl", the_record);
    alone("wait", the_child);
    return 0;
}
