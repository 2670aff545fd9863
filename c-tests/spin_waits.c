/* Two threads spin until a third has set a flag, which first computes without a call for longer than one turn.
 * In whatever way they spin, by instructions of the processor or by calls that never have to wait, they let it
 * run, and it them. Then a spin lock whose holder computes and is switched out while others spin for it, one
 * of libc and two of the program's own, by cmpxchg and by tickets. preempt_spin.c and preempt_spinlock.c have
 * loops without a call, xchg and test-and-set, yield_loop.c has setters that wait. Follows sched(7),
 * sched_yield(2), thrd_yield(3), nanosleep(2), usleep(3), poll(2), select(2), epoll_wait(2), read(2), recv(2),
 * waitpid(2), sem_trywait(3), pthread_mutex_trylock(3), pthread_spin_lock(3), clock_gettime(3).
 *
 *     spin_waits [WAY]
 *
 * test: slow
 * test: env=GREEN_SLICE_MS=1
 */
#include "lib/computing.h"
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <threads.h>

enum { SPINNERS = 2, HOLDERS = 3, TICKS = 3 };

static volatile int flag;
static int spinning;

/* ---- ways to spin ------------------------------------------------------------- */

static int quiet[2], pair[2], set;
static sem_t nothing;
static pthread_mutex_t held_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_spinlock_t held_spinlock;
static pid_t child;
static int zero;

static void by_nothing(void) { }
static void by_pause(void) { __builtin_ia32_pause(); }

static void by_cmpxchg(void)
{
    int expected = 1;
    CHECK(!__atomic_compare_exchange_n(&zero, &expected, 2, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
}

static void by_counter(void)
{
    for (uint64_t begin = __builtin_ia32_rdtsc(); __builtin_ia32_rdtsc() - begin < 1000;)
        ;
}

/* Neither call of libc's is seen, nor any code of libc. */
static void by_instruction(void)
{
    long result = SYS_sched_yield;
    __asm__ volatile("syscall" : "+a"(result) : : "rcx", "r11", "memory");
    CHECK(result == 0);
}

static void by_syscall(void) { CHECK(syscall(SYS_sched_yield) == 0); }
static void by_yield(void) { CHECK(sched_yield() == 0); }
static void by_thrd_yield(void) { thrd_yield(); }
static void by_usleep(void) { CHECK(usleep(0) == 0); }
static void by_poll(void) { CHECK(poll(NULL, 0, 0) == 0); }
static void by_sem_trywait(void) { CHECK(sem_trywait(&nothing) == -1 && errno == EAGAIN); }
static void by_mutex_trylock(void) { CHECK(pthread_mutex_trylock(&held_mutex) == EBUSY); }
static void by_spin_trylock(void) { CHECK(pthread_spin_trylock(&held_spinlock) == EBUSY); }
static void by_waitpid(void) { CHECK(waitpid(child, NULL, WNOHANG) == 0); }
static void by_getppid(void) { CHECK(getppid() > 0); }

static void by_nanosleep(void)
{
    struct timespec no_time = { 0, 0 };
    CHECK(nanosleep(&no_time, NULL) == 0);
}

static void by_select(void)
{
    struct timeval no_time = { 0, 0 };
    CHECK(select(0, NULL, NULL, NULL, &no_time) == 0);
}

static void by_epoll(void)
{
    struct epoll_event event;
    CHECK(epoll_wait(set, &event, 1, 0) == 0);
}

static void by_read(void)
{
    char byte;
    CHECK(read(quiet[0], &byte, 1) == -1 && errno == EAGAIN);
}

static void by_recv(void)
{
    char byte;
    CHECK(recv(pair[0], &byte, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
}

/* In the vDSO. */
static void by_clock(void)
{
    struct timespec time;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &time) == 0);
}

static const struct way {
    const char *name;
    void (*once)(void);
} ways[] = {
    { "reads of memory", by_nothing },
    { "pause", by_pause },
    { "cmpxchg", by_cmpxchg },
    { "rdtsc", by_counter },
    { "sched_yield", by_yield },
    { "sched_yield by syscall", by_syscall },
    { "sched_yield by an instruction", by_instruction },
    { "thrd_yield", by_thrd_yield },
    { "nanosleep of no time", by_nanosleep },
    { "usleep of no time", by_usleep },
    { "poll of nothing", by_poll },
    { "select of nothing", by_select },
    { "epoll_wait without a wait", by_epoll },
    { "read, O_NONBLOCK", by_read },
    { "recv, MSG_DONTWAIT", by_recv },
    { "waitpid, WNOHANG", by_waitpid },
    { "sem_trywait", by_sem_trywait },
    { "pthread_mutex_trylock", by_mutex_trylock },
    { "pthread_spin_trylock", by_spin_trylock },
    { "clock_gettime", by_clock },
    { "getppid", by_getppid },
};

static void *spin(void *argument)
{
    const struct way *way = argument;
    __atomic_fetch_add(&spinning, 1, __ATOMIC_SEQ_CST);
    while (!flag)
        way->once();
    return NULL;
}

static void *set_flag(void *unused)
{
    while (__atomic_load_n(&spinning, __ATOMIC_SEQ_CST) < SPINNERS)
        ;
    compute_for_ticks(TICKS);
    flag = 1;
    return unused;
}

static void spin_by(const struct way *way)
{
    pthread_t spinners[SPINNERS];
    flag = spinning = 0;
    for (int i = 0; i < SPINNERS; i++)
        spinners[i] = start(spin, (void *)way);
    pthread_t setter = start(set_flag, NULL);
    for (int i = 0; i < SPINNERS; i++)
        join(spinners[i]);
    join(setter);
    printf("%s: the flag was set\n", way->name);
}

/* ---- locks ----------------------------------------------------------------------- */

static pthread_spinlock_t spinlock;
static int word;
static unsigned next_ticket;
static volatile unsigned served;

static void lock_spinlock(void) { CHECK(pthread_spin_lock(&spinlock) == 0); }
static void unlock_spinlock(void) { CHECK(pthread_spin_unlock(&spinlock) == 0); }

static void lock_word(void)
{
    int expected = 0;
    while (!__atomic_compare_exchange_n(&word, &expected, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        expected = 0;
}

static void unlock_word(void) { __atomic_store_n(&word, 0, __ATOMIC_RELEASE); }

/* Only one of those who spin can go on. */
static void lock_by_ticket(void)
{
    unsigned own = __atomic_fetch_add(&next_ticket, 1, __ATOMIC_SEQ_CST);
    while (served != own)
        __builtin_ia32_pause();
}

static void unlock_by_ticket(void) { __atomic_store_n(&served, served + 1, __ATOMIC_SEQ_CST); }

static const struct lock {
    const char *name;
    void (*lock)(void), (*unlock)(void);
} locks[] = {
    { "pthread_spin_lock", lock_spinlock, unlock_spinlock },
    { "a lock by cmpxchg", lock_word, unlock_word },
    { "a lock by tickets", lock_by_ticket, unlock_by_ticket },
};

static volatile int holders, held;

/* While it holds the lock others run: the thread that ticks, and those that spin. */
static void *hold(void *argument)
{
    const struct lock *lock = argument;
    lock->lock();
    CHECK(holders++ == 0);
    int before = held;
    compute_for_ticks(TICKS);
    held = before + 1;
    CHECK(--holders == 0);
    lock->unlock();
    return NULL;
}

static void contend(const struct lock *lock)
{
    pthread_t threads[HOLDERS];
    held = 0;
    for (int i = 0; i < HOLDERS; i++)
        threads[i] = start(hold, (void *)lock);
    for (int i = 0; i < HOLDERS; i++)
        join(threads[i]);
    printf("%s: held %d times by a thread that was switched out\n", lock->name, held);
    CHECK(held == HOLDERS);
}

int main(int argc, char **argv)
{
    CHECK(pipe2(quiet, O_NONBLOCK) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CHECK((set = epoll_create1(0)) >= 0 && sem_init(&nothing, 0, 0) == 0);
    CHECK(pthread_mutex_lock(&held_mutex) == 0);
    CHECK(pthread_spin_init(&held_spinlock, 0) == 0 && pthread_spin_lock(&held_spinlock) == 0);
    CHECK(pthread_spin_init(&spinlock, 0) == 0);
    CHECK((child = fork()) >= 0);
    if (child == 0) {
        close(pair[0]);
        _exit(take(pair[1]));       /* ends with us, at the latest */
    }
    CHECK(setvbuf(stdout, NULL, _IOLBF, 0) == 0);
    begin_ticks();
    for (size_t i = 0; i < COUNT(ways); i++)
        if (argc < 2 || strcmp(argv[1], ways[i].name) == 0)
            spin_by(&ways[i]);
    for (size_t i = 0; i < COUNT(locks); i++)
        if (argc < 2 || strcmp(argv[1], locks[i].name) == 0)
            contend(&locks[i]);
    end_ticks();
    give(pair[0], 7);
    CHECK(strcmp(child_end(child), "exit 7") == 0);
    return 0;
}
