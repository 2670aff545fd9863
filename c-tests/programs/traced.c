/* A program of known structure, for scripts/tests/trace.
 *
 *     traced ROUNDS [fork]     "ping" and "pong" hand a token back and forth ROUNDS times, by two semaphores; then "works"
 *                              sleeps, has a helper execute an fsync and a flock that waits until main lets go, and gets a
 *                              signal while it waits in a read on a pipe; with `fork` a child does all this, too
 *
 * First come, first served, and without a time slice, nothing here is left to chance but how long it takes: whoever waits
 * for a semaphore finds it empty. Says "all" when they have ended. Follows sem_wait(3), pthread_setname_np(3), fsync(2),
 * flock(2), pthread_kill(3), signal(7), fork(2).
 */
#include "../lib/check.h"

#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/file.h>

static int rounds;
static sem_t to_ping, to_pong, locking, reading;
static int ends[2], file, holder;
static atomic_int handled, is_over;

static void handler(int number)
{
    (void)number;
    handled++;
}

static void *ping_thread(void *unused)
{
    CHECK(pthread_setname_np(pthread_self(), "ping") == 0);
    for (int i = 0; i < rounds; i++) {
        CHECK(sem_post(&to_pong) == 0);
        CHECK(sem_wait(&to_ping) == 0);
    }
    return unused;
}

static void *pong_thread(void *unused)
{
    CHECK(pthread_setname_np(pthread_self(), "pong") == 0);
    for (int i = 0; i < rounds; i++) {
        CHECK(sem_wait(&to_pong) == 0);
        CHECK(sem_post(&to_ping) == 0);
    }
    return unused;
}

static void *working_thread(void *unused)
{
    CHECK(pthread_setname_np(pthread_self(), "works") == 0);
    struct timespec some = {.tv_nsec = 20000000};
    CHECK(nanosleep(&some, NULL) == 0);
    CHECK(write(file, "x", 1) == 1);
    CHECK(fsync(file) == 0);
    CHECK(sem_post(&locking) == 0);
    CHECK(flock(file, LOCK_EX) == 0);
    CHECK(sem_post(&reading) == 0);
    char byte;
    CHECK(read(ends[0], &byte, 1) == -1 && errno == EINTR);
    is_over = 1;
    return unused;
}

static void all(void)
{
    char path[] = "/tmp/traced.XXXXXX";
    handled = is_over = 0;
    CHECK((file = mkstemp(path)) >= 0);
    CHECK((holder = open(path, O_RDWR)) >= 0 && unlink(path) == 0);
    CHECK(flock(holder, LOCK_EX) == 0 && pipe(ends) == 0);
    CHECK(sem_init(&to_ping, 0, 0) == 0 && sem_init(&to_pong, 0, 0) == 0);
    CHECK(sem_init(&locking, 0, 0) == 0 && sem_init(&reading, 0, 0) == 0);
    pthread_t pong = start(pong_thread, NULL), ping = start(ping_thread, NULL);
    join(pong);
    join(ping);

    pthread_t works = start(working_thread, NULL);
    CHECK(sem_wait(&locking) == 0);
    CHECK(flock(holder, LOCK_UN) == 0);
    CHECK(sem_wait(&reading) == 0);
    while (!is_over) {
        CHECK(pthread_kill(works, SIGUSR1) == 0);
        sched_yield();
    }
    join(works);
    CHECK(handled >= 1);
}

int main(int argc, char **argv)
{
    CHECK(argc > 1 && (rounds = atoi(argv[1])) > 0);
    struct sigaction action = {.sa_handler = handler};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    all();
    if (argc > 2) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            all();
            exit(0);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
    puts("all");
    return 0;
}
