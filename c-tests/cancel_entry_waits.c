/* A cancellation that came before: calls that wait for time, threads, signals
 * and children act on it at their entry, though they would not have to wait, and
 * take nothing. What wakes others, tries, or waits for a lock goes on:
 * pthreads(7), "Cancellation points".
 */
#include "lib/cancel_entry.h"
#include "lib/mutexes.h"
#include "lib/semaphores.h"
#include <semaphore.h>
#include <threads.h>

static int quiet[2];
static sem_t available, *named;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spin;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_t reader;
static sigset_t usr1;
static pid_t child;
static const struct timespec nothing = { 0, 0 }, past = { 1, 0 };

static void do_sleep(void) { sleep(0); }
static void do_clock_nanosleep(void) { clock_nanosleep(CLOCK_MONOTONIC, 0, &nothing, NULL); }
static void do_thrd_sleep(void) { thrd_sleep(&nothing, NULL); }
static void do_sem_timedwait(void) { sem_timedwait(&available, &past); }
static void do_named_sem_wait(void) { sem_wait(named); }
static void do_named_sem_timedwait(void) { sem_timedwait(named, &past); }
static void do_pthread_join(void) { pthread_join(reader, NULL); }
static void do_pthread_timedjoin_np(void) { pthread_timedjoin_np(reader, NULL, &past); }
static void do_sigwait(void) { sigwait(&usr1, &(int){ 0 }); }
static void do_sigwaitinfo(void) { sigwaitinfo(&usr1, NULL); }
static void do_sigtimedwait(void) { sigtimedwait(&usr1, NULL, &nothing); }
static void do_sigsuspend(void) { sigsuspend(&usr1); }
static void do_pause(void) { pause(); }
static void do_wait(void) { wait(NULL); }
static void do_wait3(void) { wait3(NULL, 0, NULL); }
static void do_waitpid(void) { waitpid(child, NULL, WNOHANG); }
static void do_wait4(void) { wait4(child, NULL, 0, NULL); }
static void do_waitid(void) { waitid(P_PID, (id_t)child, &(siginfo_t){ 0 }, WEXITED); }
static void do_system(void) { (void)!system("exit 0"); }

static void do_pthread_cond_wait(void)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    pthread_cleanup_push(unlock_mutex, &mutex);
    pthread_cond_wait(&condition, &mutex);
    pthread_cleanup_pop(1);
}

static void do_pthread_cond_clockwait(void)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    pthread_cleanup_push(unlock_mutex, &mutex);
    pthread_cond_clockwait(&condition, &mutex, CLOCK_MONOTONIC, &past);
    pthread_cleanup_pop(1);
}

/* ---- no cancellation points ------------------------------------------------- */

static void *give_back(void *value) { return value; }
static void nop(void) { }

static void do_pthread_mutex_lock(void)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    CHECK(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &past) == ETIMEDOUT);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
}

static void do_pthread_rwlock_timedwrlock(void)
{
    CHECK(pthread_rwlock_timedwrlock(&rwlock, &past) == 0);
    CHECK(pthread_rwlock_unlock(&rwlock) == 0);
}

static void do_pthread_spin_lock(void)
{
    CHECK(pthread_spin_lock(&spin) == 0 && pthread_spin_unlock(&spin) == 0);
}

static void do_sem_post(void) { CHECK(sem_post(&available) == 0); }
static void do_sem_trywait(void) { CHECK(sem_trywait(&available) == 0); }
static void do_pthread_cond_signal(void) { CHECK(pthread_cond_signal(&condition) == 0); }
static void do_pthread_tryjoin_np(void) { CHECK(pthread_tryjoin_np(reader, NULL) == EBUSY); }
static void do_pthread_once(void) { CHECK(pthread_once(&once, nop) == 0); }
static void do_pthread_kill(void) { CHECK(pthread_kill(reader, 0) == 0); }
static void do_pthread_sigmask(void) { CHECK(pthread_sigmask(SIG_BLOCK, NULL, NULL) == 0); }
static void do_pthread_detach(void) { CHECK(pthread_detach(start(give_back, NULL)) == 0); }
static void do_pthread_cancel(void) { CHECK(pthread_cancel(pthread_self()) == 0); }
static void do_sched_yield(void) { CHECK(sched_yield() == 0); }
static void do_clock_gettime(void) { seconds(CLOCK_MONOTONIC); }
static void do_kill(void) { CHECK(kill(getpid(), 0) == 0); }
static void do_malloc(void) { free(malloc(1 << 20)); }

static const struct entry entries[] = {
    ENTRY(sleep), ENTRY(clock_nanosleep), ENTRY(thrd_sleep), ENTRY(sem_timedwait),
    ENTRY(named_sem_wait), ENTRY(named_sem_timedwait),
    ENTRY(pthread_cond_wait), ENTRY(pthread_cond_clockwait), ENTRY(pthread_join),
    ENTRY(pthread_timedjoin_np), ENTRY(sigwait), ENTRY(sigwaitinfo), ENTRY(sigtimedwait),
    ENTRY(sigsuspend), ENTRY(pause), ENTRY(wait), ENTRY(wait3), ENTRY(waitpid),
    ENTRY(wait4), ENTRY(waitid), ENTRY(system),
    ENTRY(pthread_mutex_lock), ENTRY(pthread_rwlock_timedwrlock), ENTRY(pthread_spin_lock),
    ENTRY(sem_post), ENTRY(sem_trywait), ENTRY(pthread_cond_signal),
    ENTRY(pthread_tryjoin_np), ENTRY(pthread_once), ENTRY(pthread_kill),
    ENTRY(pthread_sigmask), ENTRY(pthread_detach), ENTRY(pthread_cancel),
    ENTRY(sched_yield), ENTRY(clock_gettime), ENTRY(kill), ENTRY(malloc),
};

static void *read_byte(void *unused)
{
    (void)unused;
    CHECK(take(quiet[0]) == 'x');
    return "its value";
}

/* The child has ended and the signal is pending, so nothing would have to wait. */
int main(void)
{
    int value, named_value;
    CHECK(pipe(quiet) == 0 && sem_init(&available, 0, 1) == 0);
    named = open_unlinked(1);
    CHECK(pthread_spin_init(&spin, 0) == 0);
    CHECK(sigemptyset(&usr1) == 0 && sigaddset(&usr1, SIGUSR1) == 0);
    CHECK(pthread_sigmask(SIG_BLOCK, &usr1, NULL) == 0 && kill(getpid(), SIGUSR1) == 0);
    CHECK((child = fork()) >= 0);
    if (child == 0)
        _exit(3);
    CHECK(waitid(P_PID, (id_t)child, &(siginfo_t){ 0 }, WEXITED | WNOWAIT) == 0);
    reader = start(read_byte, NULL);

    cancel_at_entries(entries, COUNT(entries));

    sigset_t pending;
    CHECK(sigpending(&pending) == 0);
    CHECK(sem_getvalue(&available, &value) == 0 && sem_getvalue(named, &named_value) == 0);
    printf("semaphores: %d and %d; the signal: %s; the child: %s\n", value, named_value,
           sigismember(&pending, SIGUSR1) ? "pending" : "gone", child_end(child));
    give(quiet[1], 'x');
    printf("the thread: %s\n", (char *)join(reader));
    CHECK(pthread_mutex_trylock(&mutex) == 0);
    return 0;
}
