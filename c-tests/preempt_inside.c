/* A thread that computes in a function which libc has called for it lets others
 * run too: in the initialiser of pthread_once, a signal handler, a comparison
 * for qsort, the write function of a stream, a key's destructor, a constructor
 * that dlopen runs, a thread that blocks all signals, and a handler of atexit.
 * Whoever waits for such a function to end, waits: pthread_once(3),
 * sigaction(2), qsort(3), fopencookie(3), pthread_key_create(3), dlopen(3),
 * atexit(3).
 *
 * test: slow
 * test: timeout=20
 * test: env=GREEN_SLICE_MS=10
 * test: plugin=preempt_plugin.c
 * test: cflags=-rdynamic
 */
#include "lib/computing.h"
#include <dlfcn.h>

static sem_t inside;

/* ---- pthread_once ------------------------------------------------------------ */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static volatile int initialised;

static void initialise(void)
{
    CHECK(sem_post(&inside) == 0);
    compute_for_ticks(10);
    initialised++;
}

static void *call_once(void *unused)
{
    CHECK(pthread_once(&once, initialise) == 0);
    CHECK(initialised == 1);
    return unused;
}

static void in_once(void)
{
    pthread_t first = start(call_once, NULL);
    CHECK(sem_wait(&inside) == 0);
    pthread_t second = start(call_once, NULL);
    call_once(NULL);
    join(first), join(second);
    printf("pthread_once: initialised %d time\n", initialised);
}

/* ---- signal handlers ---------------------------------------------------------- */

static volatile sig_atomic_t handled;

static void compute_in_handler(int number)
{
    CHECK(number == SIGUSR1);
    compute_for_ticks(6);
    __atomic_fetch_add(&handled, 1, __ATOMIC_SEQ_CST);
}

static void *raise_signal(void *unused)
{
    CHECK(raise(SIGUSR1) == 0);
    CHECK(handled > 0);
    return unused;
}

static void *wait_for_signal(void *signals)
{
    int number;
    CHECK(sem_post(&inside) == 0);
    while (sem_wait(signals) == -1)
        CHECK(errno == EINTR);
    CHECK(sem_getvalue(signals, &number) == 0 && number == 0);
    return NULL;
}

/* One thread raises the signal, one has it sent while it waits, main too. */
static void in_handler(const char *name, int all_blocked)
{
    struct sigaction action = { .sa_handler = compute_in_handler };
    sem_t signals;
    handled = 0;
    if (all_blocked)
        CHECK(sigfillset(&action.sa_mask) == 0);
    CHECK(sem_init(&signals, 0, 0) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
    pthread_t waiter = start(wait_for_signal, &signals);
    CHECK(sem_wait(&inside) == 0);
    CHECK(pthread_kill(waiter, SIGUSR1) == 0);
    pthread_t raiser = start(raise_signal, NULL);
    CHECK(raise(SIGUSR1) == 0);
    join(raiser);
    while (handled < 3)
        ;
    CHECK(sem_post(&signals) == 0);
    join(waiter);
    printf("%s: handled %d times\n", name, (int)handled);
}

/* ---- all signals blocked -------------------------------------------------------- */

static void *compute_blocking(void *unused)
{
    sigset_t all;
    CHECK(sigfillset(&all) == 0 && pthread_sigmask(SIG_BLOCK, &all, NULL) == 0);
    compute_for_ticks(6);
    return unused;
}

/* ---- qsort --------------------------------------------------------------------- */

static int compare(const void *left, const void *right)
{
    compute_for_ticks(1);
    int a = *(const int *)left, b = *(const int *)right;
    return (a > b) - (a < b);
}

static void *sort(void *unused)
{
    int numbers[] = { 3, 1, 4, 2 };
    qsort(numbers, COUNT(numbers), sizeof numbers[0], compare);
    for (int i = 0; i < (int)COUNT(numbers); i++)
        CHECK(numbers[i] == i + 1);
    return unused;
}

/* ---- a stream -------------------------------------------------------------------- */

static char written[100];
static volatile int writers;

static ssize_t write_slowly(void *unused, const char *data, size_t size)
{
    (void)unused;
    CHECK(writers++ == 0);
    CHECK(sem_post(&inside) == 0);
    compute_for_ticks(6);
    strncat(written, data, size);
    CHECK(--writers == 0);
    return (ssize_t)size;
}

static void *print_first(void *stream)
{
    CHECK(fprintf(stream, "first line\n") == 11);
    return NULL;
}

static void in_stream(void)
{
    cookie_io_functions_t functions = { .write = write_slowly };
    FILE *stream = fopencookie(NULL, "w", functions);
    CHECK(stream && setvbuf(stream, NULL, _IOLBF, BUFSIZ) == 0);
    pthread_t thread = start(print_first, stream);
    CHECK(sem_wait(&inside) == 0);
    CHECK(fprintf(stream, "second line\n") == 12);
    join(thread);
    CHECK(fclose(stream) == 0);
    printf("fopencookie: wrote\n%s", written);
    CHECK(strcmp(written, "first line\nsecond line\n") == 0);
}

/* ---- a key, a library, the end ----------------------------------------------------- */

static pthread_key_t key;
static volatile int destroyed, constructed;

static void destroy(void *value)
{
    compute_for_ticks(6);
    destroyed += *(int *)value;
}

static void *set_key(void *value)
{
    CHECK(pthread_setspecific(key, value) == 0);
    return NULL;
}

void plugin_constructed(void)
{
    compute_for_ticks(6);
    constructed++;
}

void plugin_destroyed(void)
{
    compute_for_ticks(6);
    constructed--;
}

static void *open_plugin(void *unused)
{
    void *library = dlopen(PLUGIN, RTLD_NOW);
    CHECK(library && constructed == 1);
    CHECK(dlclose(library) == 0 && constructed == 0);
    return unused;
}

static void compute_at_exit(void)
{
    compute_for_ticks(6);
    puts("atexit: the handler has ended");
}

int main(void)
{
    int one = 1;
    CHECK(sem_init(&inside, 0, 0) == 0);
    begin_ticks();
    in_once();
    in_handler("signal handler", 0);
    in_handler("signal handler with all signals blocked", 1);
    join(start(compute_blocking, NULL));
    puts("a thread that blocks all signals: ended");

    pthread_t sorters[] = { start(sort, NULL), start(sort, NULL) };
    join(sorters[0]), join(sorters[1]);
    puts("qsort: sorted");
    in_stream();

    CHECK(pthread_key_create(&key, destroy) == 0);
    join(start(set_key, &one));
    printf("pthread_key_create: destroyed %d\n", destroyed);
    CHECK(destroyed == 1);

    join(start(open_plugin, NULL));
    puts("dlopen: constructed and destroyed");
    CHECK(atexit(compute_at_exit) == 0);
    return 0;
}
