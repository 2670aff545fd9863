/* What a child of a thread has and has not of the process: no alarm, no timers, nothing
 * pending, no time of children; but its thread's name, keys, mask, alternate stack, locale,
 * cancel state and pthread_self(). A pthread_once that another thread was at work on begins
 * anew there. By pthread_exit the thread ends the process with status 0: fork(2),
 * pthread_once(3), pthread_exit(3).
 */
#include "lib/check.h"
#include "lib/signals.h"
#include <locale.h>
#include <sys/time.h>
#include <sys/times.h>

static int gate[2], once_runs, cleaned;
static pthread_once_t control = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static timer_t timer;
static __thread int own = 1;
static pthread_t in_once_thread;
static volatile sig_atomic_t on_alternate, handled;

static void initialise(void)
{
    once_runs++;
    take(gate[0]);
}

static void initialise_again(void) { once_runs++; }

static void *in_once(void *unused)
{
    CHECK(pthread_once(&control, initialise) == 0);
    return unused;
}

static void *waits_for_once(void *unused)
{
    CHECK(pthread_once(&control, initialise_again) == 0);
    return unused;
}

static char *stack;

static void handle(int number)
{
    char here;
    (void)number;
    on_alternate = &here > stack && &here < stack + 65536;
    handled++;
}

static void clean(void *unused) { (void)unused; cleaned++; }

static void *leave_by_exit(void *unused)
{
    pthread_cleanup_push(clean, NULL);
    pthread_exit(unused);
    pthread_cleanup_pop(0);
    return NULL;
}

static void be_child(pthread_t self)
{
    struct itimerval left;
    struct itimerspec spec;
    struct tms used;
    char name[17];
    int state, old;
    stack_t alternate;
    CHECK(pthread_equal(self, pthread_self()) && own == 2);
    CHECK(getitimer(ITIMER_REAL, &left) == 0 && left.it_value.tv_sec == 0);
    CHECK(timer_gettime(timer, &spec) == -1 && errno == EINVAL);
    CHECK(times(&used) != (clock_t)-1 && used.tms_cutime == 0);
    CHECK(!is_pending(SIGTERM) && !is_pending(SIGHUP) && own_mask() == 1001);
    CHECK(pthread_getspecific(key) == &key);
    CHECK(pthread_getname_np(pthread_self(), name, sizeof name) == 0 && strcmp(name, "forker") == 0);
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state) == 0 && state == PTHREAD_CANCEL_DISABLE);
    CHECK(uselocale(NULL) != LC_GLOBAL_LOCALE);
    CHECK(sigaltstack(NULL, &alternate) == 0 && alternate.ss_sp == stack);
    CHECK(raise(SIGUSR2) == 0 && handled == 1);
    CHECK(kill(getpid(), SIGUSR2) == 0 && handled == 2 && on_alternate);
    CHECK(kill(getpid(), SIGTERM) == 0 && is_pending(SIGTERM) && !is_pending(SIGHUP));
    CHECK(sigwait(&(sigset_t){ { 1UL << (SIGTERM - 1) } }, &old) == 0 && old == SIGTERM);
    CHECK(pthread_once(&control, initialise_again) == 0 && once_runs == 2);
    join(start(waits_for_once, NULL));
    CHECK(once_runs == 2);
    join(start(leave_by_exit, NULL));
    CHECK(cleaned == 1);
    /* The last thread of the process, wherever it began. */
    others_run();
    pthread_exit((void *)5);
}

static void *fork_here(void *unused)
{
    stack_t alternate = { .ss_size = 65536 };
    struct sigaction action = { .sa_handler = handle, .sa_flags = SA_ONSTACK };
    struct itimerval hour = { { 0, 0 }, { 3600, 0 } };
    struct sigevent nothing = { .sigev_notify = SIGEV_NONE };
    struct itimerspec later = { { 0, 0 }, { 3600, 0 } };
    locale_t locale = newlocale(LC_ALL_MASK, "C", NULL);
    own = 2;
    stack = alternate.ss_sp = malloc(65536);
    CHECK(stack && sigaltstack(&alternate, NULL) == 0 && sigaction(SIGUSR2, &action, NULL) == 0);
    change_mask(SIG_BLOCK, SIGHUP);
    CHECK(pthread_kill(pthread_self(), SIGHUP) == 0 && kill(getpid(), SIGTERM) == 0);
    CHECK(is_pending(SIGHUP) && is_pending(SIGTERM));
    CHECK(setitimer(ITIMER_REAL, &hour, NULL) == 0);
    CHECK(timer_create(CLOCK_MONOTONIC, &nothing, &timer) == 0 && timer_settime(timer, 0, &later, NULL) == 0);
    CHECK(pthread_setspecific(key, &key) == 0 && pthread_setname_np(pthread_self(), "forker") == 0);
    CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL) == 0);
    CHECK(locale && uselocale(locale) == LC_GLOBAL_LOCALE);
    for (int i = 0; i < 5; i++) {
        pthread_t self = pthread_self();
        fflush(stdout);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            be_child(self);
        printf("child %d: %s\n", i, child_end(child));
    }
    /* Nothing of it is the child's doing. */
    CHECK(is_pending(SIGHUP) && is_pending(SIGTERM) && own_mask() == 1001 && handled == 0);
    CHECK(timer_gettime(timer, &later) == 0 && later.it_value.tv_sec > 3000 && once_runs == 1);
    return unused;
}

int main(void)
{
    CHECK(pipe(gate) == 0 && pthread_key_create(&key, NULL) == 0);
    change_mask(SIG_BLOCK, SIGTERM);
    in_once_thread = start(in_once, NULL);
    while (!__atomic_load_n(&once_runs, __ATOMIC_SEQ_CST))
        others_run();
    pthread_t second = start(waits_for_once, NULL);
    join(start(fork_here, NULL));
    give(gate[1], 'x');
    join(in_once_thread), join(second);
    printf("the initialiser ran once: %d\n", once_runs);
    return 0;
}
