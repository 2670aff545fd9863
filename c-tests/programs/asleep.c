/* All threads go to sleep. For ever:
 *
 *     asleep circle      two threads lock two mutexes in opposite order; main joins them
 *     asleep self        main locks a mutex twice
 *     asleep lost        one waits for a condition that nobody signals; main, by pthread_exit, has gone
 *     asleep mixed       a semaphore, a barrier, a read-write lock, a mutex whose owner has ended
 *     asleep child       the child of a fork waits for a mutex that a thread of its parent held; says how it ended
 *     asleep handled     like circle, in a program that handles SIGTERM
 *
 * Or until something from outside wakes them; "awake" is said then:
 *
 *     asleep handler     a semaphore that a signal handler posts
 *     asleep shared      a process-shared semaphore that a child posts
 *     asleep foreign     a semaphore that a kernel thread of libc's (SIGEV_THREAD) posts
 *     asleep pipe        a join of a thread that reads from a pipe
 *     asleep timed       a condition, with a time-out
 *
 * What wakes them comes when a byte, or the end, is on standard input.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER, two = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t book = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t all, both;
static sem_t semaphore;

static pthread_t start(void *(*function)(void *), const char *name)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, function, NULL) != 0)
        exit(2);
    if (name)
        pthread_setname_np(thread, name);
    return thread;
}

/* Not inlined, so that they have frames. */
__attribute__((noinline)) void lock_second(pthread_mutex_t *mutex)
{
    pthread_mutex_lock(mutex);
    pthread_mutex_unlock(mutex);
}

__attribute__((noinline)) void lock_both(pthread_mutex_t *first, pthread_mutex_t *second)
{
    pthread_mutex_lock(first);
    pthread_barrier_wait(&both);
    lock_second(second);
    pthread_mutex_unlock(first);
}

static void *forth(void *unused) { lock_both(&one, &two); return unused; }
static void *back(void *unused) { lock_both(&two, &one); return unused; }

static void circle(void)
{
    pthread_barrier_init(&both, NULL, 2);
    pthread_t threads[] = { start(forth, "forth"), start(back, "back") };
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}

static void *nothing(void *unused) { return unused; }

static void *wait_for_condition(void *unused)
{
    pthread_mutex_lock(&one);
    for (;;)
        pthread_cond_wait(&never, &one);
    return unused;
}

static void *wait_for_semaphore(void *unused) { sem_wait(&semaphore); return unused; }
static void *wait_at_barrier(void *unused) { pthread_barrier_wait(&all); return unused; }
static void *wait_for_book(void *unused) { pthread_rwlock_rdlock(&book); return unused; }
static void *leave_locked(void *unused) { pthread_mutex_lock(&two); return unused; }
static void *read_byte(void *unused)
{
    char byte;
    return read(0, &byte, 1) < 0 ? NULL : unused;
}

static void mixed(void)
{
    pthread_barrier_init(&all, NULL, 2);
    sem_init(&semaphore, 0, 0);
    pthread_rwlock_wrlock(&book);
    pthread_join(start(leave_locked, NULL), NULL);
    start(wait_for_semaphore, "semaphore");
    start(wait_at_barrier, "barrier");
    start(wait_for_book, "reader");
    pthread_mutex_lock(&two);
}

static void *hold(void *unused)
{
    pthread_mutex_lock(&one);
    pthread_barrier_wait(&both);
    return read_byte(unused);
}

static void child(void)
{
    int status;
    pthread_barrier_init(&both, NULL, 2);
    pthread_t holder = start(hold, "holder");
    pthread_barrier_wait(&both);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        pthread_mutex_lock(&one);
        _exit(0);
    }
    pthread_join(holder, NULL); /* a byte came */
    kill(pid, SIGTERM);
    if (waitpid(pid, &status, 0) == pid && WIFSIGNALED(status))
        printf("the child ended by signal %d\n", WTERMSIG(status));
}

static void post(int number) { (void)number; sem_post(&semaphore); }
static void post_in_thread(union sigval unused) { (void)unused; sem_post(&semaphore); }
static void ignore(int number) { (void)number; }

static void handler(void)
{
    signal(SIGTERM, post);
    sem_init(&semaphore, 0, 0);
    pthread_join(start(nothing, NULL), NULL);
    puts("asleep");
    while (sem_wait(&semaphore) < 0)
        continue;
}

static void shared(void)
{
    sem_t *between = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    sem_init(between, 1, 0);
    pthread_join(start(nothing, NULL), NULL);
    if (fork() == 0) {
        read_byte(NULL);
        sem_post(between);
        _exit(0);
    }
    sem_wait(between);
    wait(NULL);
}

static void foreign(void)
{
    struct sigevent event = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = post_in_thread };
    struct itimerspec soon = { .it_value.tv_nsec = 300000000 };
    timer_t timer;
    sem_init(&semaphore, 0, 0);
    pthread_join(start(nothing, NULL), NULL);
    if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0 || timer_settime(timer, 0, &soon, NULL) < 0)
        exit(2);
    sem_wait(&semaphore);
}

static void timed(void)
{
    struct timespec end;
    pthread_join(start(nothing, NULL), NULL);
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec++;
    pthread_mutex_lock(&one);
    while (pthread_cond_timedwait(&never, &one, &end) != ETIMEDOUT)
        continue;
}

int main(int count, char **arguments)
{
    const char *what = count > 1 ? arguments[1] : "";
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (strcmp(what, "circle") == 0)
        circle();
    else if (strcmp(what, "handled") == 0) {
        signal(SIGTERM, ignore);
        circle();
    } else if (strcmp(what, "self") == 0) {
        pthread_join(start(nothing, NULL), NULL);
        pthread_mutex_lock(&one);
        lock_second(&one);
    } else if (strcmp(what, "lost") == 0) {
        start(wait_for_condition, "waiter");
        pthread_exit(NULL);
    } else if (strcmp(what, "mixed") == 0)
        mixed();
    else if (strcmp(what, "child") == 0)
        child();
    else if (strcmp(what, "handler") == 0)
        handler();
    else if (strcmp(what, "shared") == 0)
        shared();
    else if (strcmp(what, "foreign") == 0)
        foreign();
    else if (strcmp(what, "pipe") == 0)
        pthread_join(start(read_byte, "reader"), NULL);
    else if (strcmp(what, "timed") == 0)
        timed();
    else
        return 2;
    puts("awake");
    return 0;
}
