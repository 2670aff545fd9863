/* exit(), fork() and exec called in odd places: in a signal handler that interrupts a wait,
 * in a key destructor, in a cleanup handler of a cancelled thread, in the initialiser of
 * pthread_once, in an exit handler, in a SIGEV_THREAD timer's function, in a comparison of
 * qsort. exit ends the process with its status and runs the exit handlers; a child that is
 * forked there has threads of its own; exec becomes the other program: exit(3), fork(2),
 * execve(2), signal-safety(7).
 */
#include "lib/check.h"

enum { PLACES = 7 };

static int what, never[2];
static pthread_t reader;

static void at_exit(void) { CHECK(write(1, "  exit handler\n", 15) == 15); }

static void act(void)
{
    static int done;
    if (done++)
        return;
    if (what == 0)
        exit(6);
    if (what == 1) {
        execl("/bin/sh", "sh", "-c", "echo '  another program'; exit 6", (char *)NULL);
        _exit(99);
    }
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        others_run();
        exit(7);
    }
    printf("  forked: %s\n", child_end(child));
    fflush(stdout);
    _exit(6);
}

static void on_signal(int number) { (void)number, act(); }
static void of_key(void *unused) { (void)unused, act(); }
static void on_expiry(union sigval unused) { (void)unused, act(); }
static int compare(const void *a, const void *b) { act(); return *(const int *)a - *(const int *)b; }

static void *in_read(void *unused)
{
    take(never[0]);
    return unused;
}

static void *signalled(void *unused)
{
    struct sigaction action = { .sa_handler = on_signal };
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    for (;;) {
        /* (No new thread: while another one is in exec there can be none.) */
        CHECK(pthread_kill(reader, SIGUSR1) == 0);
        nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
    }
    return unused;
}

static void *with_key(void *unused)
{
    static pthread_key_t key;
    CHECK(pthread_key_create(&key, of_key) == 0 && pthread_setspecific(key, &key) == 0);
    return unused;
}

static void *cleaned_up(void *unused)
{
    pthread_cleanup_push(of_key, NULL);
    take(never[0]);
    pthread_cleanup_pop(0);
    return unused;
}

static void *cancelled(void *unused)
{
    pthread_t thread = start(cleaned_up, NULL);
    others_run();
    CHECK(pthread_cancel(thread) == 0);
    join(thread);
    return unused;
}

static void *in_once(void *unused)
{
    static pthread_once_t control = PTHREAD_ONCE_INIT;
    CHECK(pthread_once(&control, act) == 0);
    return unused;
}

static void *exiting(void *unused)
{
    CHECK(atexit(act) == 0);
    exit(5);
    return unused;
}

static void *with_timer(void *unused)
{
    struct sigevent event = { .sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_expiry };
    struct itimerspec soon = { { 0, 0 }, { 0, 1000000 } };
    timer_t timer;
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &soon, NULL) == 0);
    take(never[0]);
    return unused;
}

static void *sorting(void *unused)
{
    int numbers[] = { 3, 1, 2 };
    qsort(numbers, COUNT(numbers), sizeof *numbers, compare);
    return unused;
}

static const struct { const char *name; thread_body *body; } places[PLACES] = {
    { "signal handler", signalled }, { "key destructor", with_key }, { "cleanup handler", cancelled },
    { "pthread_once", in_once }, { "exit handler", exiting }, { "timer's function", with_timer },
    { "qsort", sorting },
};

int main(void)
{
    static const char *const names[] = { "exit", "exec", "fork" };
    CHECK(pipe(never) == 0);
    for (what = 0; what < (int)COUNT(names); what++)
        for (size_t i = 0; i < PLACES; i++) {
            printf("%s, %s:\n", names[what], places[i].name);
            fflush(stdout);
            pid_t child = fork();
            CHECK(child >= 0);
            if (child == 0) {
                CHECK(atexit(at_exit) == 0);
                reader = start(in_read, NULL);
                others_run();
                join(start(places[i].body, NULL));
                _exit(98);
            }
            printf("  %s\n", child_end(child));
        }
    return 0;
}
