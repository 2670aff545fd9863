/*
 * signal_storm: alarms every 50 to 100 microseconds while ten threads lock,
 * wait for conditions, pass bytes, allocate, print, create and join threads.
 * The handler makes async-signal-safe calls only, and has SA_RESTART.  Nothing
 * is lost, repeated or broken.  Then a thread sends real-time signals to eight
 * others, and each arrives, where they work and where they wait.
 * Follows signal(7), signal-safety(7), setitimer(2), timer_create(2),
 * pthread_kill(3).
 *
 * test: timeout=30
 * test: env=GREEN_TRAP=0
 * test: slow
 */
#include "lib/check.h"

#include <semaphore.h>
#include <sys/time.h>

enum { ALARMS = 5000, AT_LEAST = 50 };

static int stopped;
static long alarms;             /* handlers that ran */
static sem_t alarm_count;       /* one post each */
static int alarm_bytes[2];      /* one byte each */
static __thread struct timespec latest;

static void on_alarm(int number)
{
    int error = errno;
    struct timespec now;
    CHECK(number == SIGALRM);
    CHECK(write(alarm_bytes[1], "a", 1) == 1);
    CHECK(sem_post(&alarm_count) == 0);
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    CHECK(now.tv_sec > latest.tv_sec
          || (now.tv_sec == latest.tv_sec && now.tv_nsec >= latest.tv_nsec));
    latest = now;
    __atomic_add_fetch(&alarms, 1, __ATOMIC_SEQ_CST);
    errno = error;
}

/* Each kind of work goes on until main has seen enough alarms. */
static int goes_on(long rounds)
{
    return rounds < AT_LEAST || !__atomic_load_n(&stopped, __ATOMIC_SEQ_CST);
}

static void alarms_masked(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    CHECK(pthread_sigmask(how, &set, NULL) == 0);
}

/* ---- ten threads' work ---------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long locked_first, locked_second, locked_rounds;

static void *use_lock(void *unused)
{
    long rounds = 0;
    for (; goes_on(rounds); rounds++) {
        CHECK(pthread_mutex_lock(&lock) == 0);
        CHECK(locked_first == locked_second);
        locked_first++;
        if (rounds % 16 == 0)
            sched_yield();
        locked_second++;
        CHECK(pthread_mutex_unlock(&lock) == 0);
    }
    __atomic_add_fetch(&locked_rounds, rounds, __ATOMIC_SEQ_CST);
    return unused;
}

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    long item;                  /* 0: none; -1: the last */
} slot = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 };

static void put_item(long item)
{
    CHECK(pthread_mutex_lock(&slot.lock) == 0);
    while (slot.item != 0)
        CHECK(pthread_cond_wait(&slot.changed, &slot.lock) == 0);
    slot.item = item;
    CHECK(pthread_cond_signal(&slot.changed) == 0);
    CHECK(pthread_mutex_unlock(&slot.lock) == 0);
}

static void *produce(void *unused)
{
    long rounds = 0;
    while (goes_on(rounds))
        put_item(++rounds);
    put_item(-1);
    return unused;
}

static void *consume(void *unused)
{
    for (long expected = 1, item = 0; item != -1; expected++) {
        CHECK(pthread_mutex_lock(&slot.lock) == 0);
        while (slot.item == 0)
            CHECK(pthread_cond_wait(&slot.changed, &slot.lock) == 0);
        item = slot.item;
        slot.item = 0;
        CHECK(item == expected || item == -1);
        CHECK(pthread_cond_signal(&slot.changed) == 0);
        CHECK(pthread_mutex_unlock(&slot.lock) == 0);
    }
    return unused;
}

static int stream[2];

static void *send_stream(void *unused)
{
    unsigned char bytes[3000];
    size_t offset = 0;
    for (long rounds = 0; goes_on(rounds); rounds++) {
        pattern_fill(bytes, sizeof bytes, offset);
        write_all(stream[1], bytes, sizeof bytes);
        offset += sizeof bytes;
    }
    close(stream[1]);
    return unused;
}

static void *receive_stream(void *unused)
{
    unsigned char bytes[1700];
    size_t offset = 0, size;
    while ((size = read_all(stream[0], bytes, sizeof bytes)) > 0) {
        pattern_check(bytes, size, offset);
        offset += size;
    }
    CHECK(offset % 3000 == 0 && offset >= 3000 * AT_LEAST);
    close(stream[0]);
    return unused;
}

static void *allocate(void *unused)
{
    unsigned char *blocks[64] = { NULL };
    size_t sizes[64];
    for (size_t rounds = 0; goes_on((long)rounds); rounds++) {
        size_t i = rounds * 29 % COUNT(blocks);
        if (blocks[i])
            pattern_check(blocks[i], sizes[i], i);
        free(blocks[i]);
        sizes[i] = rounds * 7919 % 4000 + 1;
        CHECK((blocks[i] = malloc(sizes[i])));
        pattern_fill(blocks[i], sizes[i], i);
        if (rounds % 32 == 0)
            sched_yield();
    }
    for (size_t i = 0; i < COUNT(blocks); i++)
        free(blocks[i]);
    return unused;
}

static int lines[2];
static long printed;

static void *print_lines(void *unused)
{
    FILE *out = fdopen(lines[1], "w");
    CHECK(out);
    for (printed = 0; goes_on(printed); printed++) {
        CHECK(fprintf(out, "line %ld of the storm\n", printed) > 0);
        if (printed % 10 == 0)
            CHECK(fflush(out) == 0);
    }
    CHECK(fclose(out) == 0);
    return unused;
}

static void *read_lines(void *unused)
{
    char line[100], expected[100];
    long count = 0;
    (void)unused;
    FILE *in = fdopen(lines[0], "r");
    CHECK(in);
    for (; fgets(line, sizeof line, in); count++) {
        snprintf(expected, sizeof expected, "line %ld of the storm\n", count);
        CHECK(strcmp(line, expected) == 0);
    }
    CHECK(feof(in) && fclose(in) == 0);
    return (void *)count;
}

static void *echo(void *argument)
{
    return argument;
}

static void *create_threads(void *unused)
{
    for (long rounds = 0; goes_on(rounds); rounds++) {
        pthread_t thread = start(echo, (void *)rounds);
        CHECK(join(thread) == (void *)rounds);
    }
    return unused;
}

/* ---- the storm ---------------------------------------------------------------- */

static void *count_bytes(void *unused)
{
    long count = 0;
    ssize_t size;
    char bytes[500];
    (void)unused;
    while ((size = read(alarm_bytes[0], bytes, sizeof bytes)) > 0)
        count += size;
    CHECK(size == 0);
    return (void *)count;
}

static void storm(const char *name, int main_takes_them)
{
    static thread_body *const bodies[] = {
        use_lock, use_lock, produce, consume, send_stream, receive_stream, allocate, print_lines,
        read_lines, create_threads,
    };
    pthread_t threads[COUNT(bodies)];
    struct itimerval interval = { { 0, 100 }, { 0, 100 } }, off = { { 0, 0 }, { 0, 0 } };
    struct itimerspec fine = { { 0, 50000 }, { 0, 50000 } };
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
    timer_t timer;
    int left;

    stopped = 0, alarms = 0, locked_first = locked_second = locked_rounds = 0, slot.item = 0;
    CHECK(pipe(alarm_bytes) == 0 && pipe(stream) == 0 && pipe(lines) == 0);
    CHECK(sem_init(&alarm_count, 0, 0) == 0);
    alarms_masked(SIG_BLOCK);
    pthread_t counter = start(count_bytes, NULL);
    alarms_masked(SIG_UNBLOCK);
    for (size_t i = 0; i < COUNT(bodies); i++)
        threads[i] = start(bodies[i], NULL);
    if (main_takes_them) {
        CHECK(setitimer(ITIMER_REAL, &interval, NULL) == 0);
    } else {
        alarms_masked(SIG_BLOCK);
        CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
        CHECK(timer_settime(timer, 0, &fine, NULL) == 0);
    }
    for (int i = 0; i < ALARMS; i++)
        CHECK(sem_wait(&alarm_count) == 0);
    __atomic_store_n(&stopped, 1, __ATOMIC_SEQ_CST);
    for (size_t i = 0; i < COUNT(bodies); i++) {
        void *result = join(threads[i]);
        if (bodies[i] == read_lines)
            CHECK((long)result == printed);
    }
    if (main_takes_them)
        CHECK(setitimer(ITIMER_REAL, &off, NULL) == 0);
    else
        CHECK(timer_delete(timer) == 0);
    alarms_masked(SIG_BLOCK);
    alarms_masked(SIG_UNBLOCK);     /* one may have been pending */
    close(alarm_bytes[1]);
    long bytes = (long)join(counter);
    CHECK(sem_getvalue(&alarm_count, &left) == 0);
    CHECK(alarms == bytes && alarms == ALARMS + left);
    CHECK(locked_first == locked_second && locked_first == locked_rounds);
    close(alarm_bytes[0]);
    printf("%s: at least %d alarms, and all adds up\n", name, ALARMS);
}

/* ---- queued signals ---------------------------------------------------------- */

enum { RECEIVERS = 8, EACH = 2000 };

static struct receiver {
    pthread_t thread;
    sem_t started, came;
    int bytes[2];
    int by_number[3];
} receivers[RECEIVERS];

static __thread struct receiver *own;

static void on_queued(int number)
{
    int error = errno;
    own->by_number[number - SIGRTMIN]++;
    CHECK(sem_post(&own->came) == 0);
    CHECK(write(own->bytes[1], "q", 1) == 1);
    errno = error;
}

static int all_came(void)
{
    volatile int *counts = own->by_number;
    return counts[0] + counts[1] + counts[2] == EACH;
}

static void *receive(void *argument)
{
    sigset_t queued, before;
    char byte;
    own = argument;
    sigemptyset(&queued);
    for (int i = 0; i < 3; i++)
        sigaddset(&queued, SIGRTMIN + i);
    CHECK(pthread_sigmask(SIG_BLOCK, &queued, &before) == 0);
    CHECK(sem_post(&own->started) == 0);
    switch ((own - receivers) % 4) {
    case 0:                     /* always at work */
        CHECK(pthread_sigmask(SIG_UNBLOCK, &queued, NULL) == 0);
        while (!all_came())
            free(malloc(100)), sched_yield();
        break;
    case 1:                     /* they queue up while it works */
        while (!all_came()) {
            for (int i = 0; i < 20; i++)
                sched_yield();
            CHECK(pthread_sigmask(SIG_UNBLOCK, &queued, NULL) == 0);
            CHECK(pthread_sigmask(SIG_BLOCK, &queued, NULL) == 0);
        }
        break;
    case 2:                     /* waits for each */
        while (!all_came())
            CHECK(sigsuspend(&before) == -1 && errno == EINTR);
        break;
    case 3:                     /* waits for what the handler does */
        CHECK(pthread_sigmask(SIG_UNBLOCK, &queued, NULL) == 0);
        for (int i = 0; i < EACH; i++) {
            CHECK(sem_wait(&own->came) == 0);
            CHECK(read(own->bytes[0], &byte, 1) == 1);
        }
        break;
    }
    return NULL;
}

static void queued(void)
{
    for (int i = 0; i < RECEIVERS; i++) {
        CHECK(pipe(receivers[i].bytes) == 0);
        CHECK(sem_init(&receivers[i].started, 0, 0) == 0);
        CHECK(sem_init(&receivers[i].came, 0, 0) == 0);
        receivers[i].thread = start(receive, &receivers[i]);
        CHECK(sem_wait(&receivers[i].started) == 0);
    }
    for (int i = 0; i < EACH; i++)
        for (int to = 0; to < RECEIVERS; to++) {
            int error;
            /* No room in the queue (RLIMIT_SIGPENDING): they take some. */
            while ((error = pthread_kill(receivers[to].thread, SIGRTMIN + (i + to) % 3)) == EAGAIN)
                sched_yield();
            CHECK(error == 0);
        }
    for (int i = 0; i < RECEIVERS; i++) {
        join(receivers[i].thread);
        int *counts = receivers[i].by_number;
        printf("receiver %d: %d %d %d\n", i, counts[0], counts[1], counts[2]);
    }
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    action.sa_handler = on_queued;
    for (int i = 0; i < 3; i++)
        CHECK(sigaction(SIGRTMIN + i, &action, NULL) == 0);
    storm("main takes alarms", 1);
    storm("the others take alarms", 0);
    queued();
    return 0;
}
