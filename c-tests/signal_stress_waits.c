/* A signal every 50 microseconds at threads in all sorts of work, and a handler
 * that makes async-signal-safe calls that wait: it writes to a pipe and reads it
 * back, posts, selects, sleeps, asks for a child that has ended. It leaves errno
 * as it was. Nothing that the threads do is disturbed: signal-safety(7), signal(7),
 * timer_create(2), setitimer(2).
 *
 * test: timeout=30
 * test: env=GREEN_TRAP=0
 * test: env=GREEN_SLICE_MS=10
 * test: slow
 */
#include "lib/check.h"

#include <sched.h>
#include <semaphore.h>
#include <sys/select.h>
#include <sys/time.h>

enum { MILLISECONDS = 1000, WORKERS = 7 };

static volatile int stop;
static long handled, posted;
static sem_t posts;
static __thread int inside;

static void on_signal(int number)
{
    int error = errno, own[2], status;
    fd_set readers;
    struct timeval instant = { 0, 100 };
    char bytes[3];
    CHECK(number == SIGALRM || number == SIGUSR1);
    CHECK(inside++ == 0);
    CHECK(pipe(own) == 0 && write(own[1], "abc", 3) == 3);
    FD_ZERO(&readers);
    FD_SET(own[0], &readers);
    CHECK(select(own[0] + 1, &readers, NULL, NULL, &instant) == 1);
    CHECK(read(own[0], bytes, 3) == 3 && memcmp(bytes, "abc", 3) == 0);
    CHECK(close(own[1]) == 0 && read(own[0], bytes, 1) == 0 && close(own[0]) == 0);
    CHECK(waitpid(-1, &status, WNOHANG) <= 0);
    CHECK(sem_post(&posts) == 0);
    __atomic_add_fetch(&posted, 1, __ATOMIC_SEQ_CST);
    if (__atomic_add_fetch(&handled, 1, __ATOMIC_SEQ_CST) % 8 == 0)
        nanosleep(&(struct timespec){ 0, 20000 }, NULL);
    inside--;
    errno = error;
}

/* ---- work ------------------------------------------------------------------------ */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long first, second;

static void *lock(void *unused)
{
    while (!stop) {
        CHECK(pthread_mutex_lock(&mutex) == 0);
        CHECK(first == second);
        first++;
        if (first % 32 == 0)
            sched_yield();
        second++;
        CHECK(pthread_cond_signal(&cond) == 0);
        CHECK(pthread_mutex_unlock(&mutex) == 0);
    }
    return unused;
}

static void *wait_timed(void *unused)
{
    while (!stop) {
        struct timespec soon;
        CHECK(clock_gettime(CLOCK_REALTIME, &soon) == 0);
        soon.tv_nsec += 300000;
        if (soon.tv_nsec >= 1000000000)
            soon.tv_sec++, soon.tv_nsec -= 1000000000;
        CHECK(pthread_mutex_lock(&mutex) == 0);
        int error = pthread_cond_timedwait(&cond, &mutex, &soon);
        CHECK(error == 0 || error == ETIMEDOUT);
        CHECK(first == second);
        CHECK(pthread_mutex_unlock(&mutex) == 0);
    }
    return unused;
}

static void *pass_bytes(void *unused)
{
    int there[2];
    unsigned char out[300], in[300];
    CHECK(pipe(there) == 0);
    for (size_t offset = 0; !stop; offset += sizeof out) {
        pattern_fill(out, sizeof out, offset);
        write_all(there[1], out, sizeof out);
        CHECK(read_all(there[0], in, sizeof in) == sizeof in);
        pattern_check(in, sizeof in, offset);
    }
    close(there[0]), close(there[1]);
    return unused;
}

static void *allocate(void *unused)
{
    for (size_t size = 1; !stop; size = size * 7 % 60000 + 1) {
        char *block = malloc(size);
        CHECK(block);
        block[0] = 1, block[size - 1] = 2;
        free(block);
    }
    return unused;
}

static void *use_stdio(void *unused)
{
    char text[64];
    FILE *file = tmpfile();
    CHECK(file);
    for (int i = 0; !stop; i++) {
        rewind(file);
        CHECK(fprintf(file, "%d %s\n", i, "line") > 0 && fflush(file) == 0);
        rewind(file);
        CHECK(fgets(text, sizeof text, file) && atoi(text) == i);
    }
    CHECK(fclose(file) == 0);
    return unused;
}

static void *nothing(void *argument)
{
    return argument;
}

static void *make_threads(void *unused)
{
    while (!stop) {
        int here;
        CHECK(join(start(nothing, &here)) == &here);
    }
    return unused;
}

static void *compute(void *unused)
{
    double sum = 0;
    for (long i = 1; !stop; i++)
        sum += 1.0 / (double)i;
    CHECK(sum > 0);
    return unused;
}

/* Directed ones: at each of the workers in turn. */
static pthread_t workers[WORKERS];

static void *fire(void *unused)
{
    for (int i = 0; !stop; i++) {
        CHECK(pthread_kill(workers[i % WORKERS], SIGUSR1) == 0);
        if (i % 4 == 0)
            nanosleep(&(struct timespec){ 0, 50000 }, NULL);
        else
            sched_yield();
    }
    return unused;
}

int main(void)
{
    static thread_body *const bodies[WORKERS] = { lock, wait_timed, pass_bytes, allocate, use_stdio,
                                                  make_threads, compute };
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    struct itimerval often = { { 0, 50 }, { 0, 50 } };
    sigset_t both;
    sigemptyset(&both);
    sigaddset(&both, SIGALRM);
    sigaddset(&both, SIGUSR1);
    action.sa_mask = both;
    CHECK(sem_init(&posts, 0, 0) == 0);
    CHECK(sigaction(SIGALRM, &action, NULL) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
    for (int i = 0; i < WORKERS; i++)
        workers[i] = start(bodies[i], NULL);
    /* Main and the one that fires take none: alarms are for the workers. */
    CHECK(pthread_sigmask(SIG_BLOCK, &both, NULL) == 0);
    pthread_t firing = start(fire, NULL);
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    nanosleep(&(struct timespec){ MILLISECONDS / 1000, MILLISECONDS % 1000 * 1000000 }, NULL);
    CHECK(setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL) == 0);
    stop = 1;
    join(firing);
    for (int i = 0; i < WORKERS; i++)
        join(workers[i]);
    long count = 0;
    while (sem_trywait(&posts) == 0)
        count++;
    CHECK(count == posted && posted == handled && handled > 100);
    dprintf(2, "%ld handlers, %ld rounds\n", handled, first);
    puts("nothing was disturbed");
    return 0;
}
