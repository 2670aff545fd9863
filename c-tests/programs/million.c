/* As many threads as asked for are alive at once, all parked; then all are woken
 * and joined.
 *
 *     million N [STACK]     N threads, half of which wait on a semaphore and half on
 *                           a condition; STACK bytes of stack each (default 65536)
 *     million N STACK held  says "parked" instead, writes "signal" whenever SIGUSR1
 *                           comes, and calls exit(3) with all threads alive when a
 *                           byte, or the end, is on standard input
 *
 * Prints lines "name value unit": the memory that N parked threads add to the
 * process, its kernel threads, how many guard pages were tried, and the time
 * taken. Follows pthread_create(3), pthread_attr_setstacksize(3),
 * pthread_getattr_np(3), write(2) (EFAULT), proc(5), sigaction(2), exit(3).
 */
#include "../lib/check.h"

#include <dirent.h>
#include <semaphore.h>
#include <signal.h>

enum { SAMPLE = 1000 };             /* every so manieth thread tries its guard */

static sem_t released, parked;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int open_to_all, probe[2];
static long ran, guards;

/* ---- what the process takes ---------------------------------------------------- */

static long status_field(const char *format)
{
    char line[256];
    long value = -1;
    FILE *file = fopen("/proc/self/status", "r");
    CHECK(file);
    while (value < 0 && fgets(line, sizeof line, file))
        sscanf(line, format, &value);
    fclose(file);
    CHECK(value > 0);
    return value;
}

/* KiB: what is resident, and the page tables for it. */
static long memory(void)
{
    return status_field("VmRSS: %ld") + status_field("VmPTE: %ld");
}

static long kernel_threads(void)
{
    long count = 0;
    DIR *tasks = opendir("/proc/self/task");
    CHECK(tasks);
    for (struct dirent *entry; (entry = readdir(tasks));)
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

/* ---- the threads ------------------------------------------------------------------ */

/* Below the stack is the guard: the kernel can read a byte of the one and none of
 * the other. */
static void try_guard(void)
{
    pthread_attr_t attributes;
    void *stack;
    size_t size, guard;
    CHECK(pthread_getattr_np(pthread_self(), &attributes) == 0);
    CHECK(pthread_attr_getstack(&attributes, &stack, &size) == 0);
    CHECK(pthread_attr_getguardsize(&attributes, &guard) == 0);
    CHECK(pthread_attr_destroy(&attributes) == 0);

    const char *lowest = stack, here = 0;
    CHECK(&here > lowest && &here < lowest + size);
    CHECK(guard >= (size_t)sysconf(_SC_PAGESIZE));
    CHECK(write(probe[1], lowest, 1) == 1);
    CHECK(write(probe[1], lowest - 1, 1) == -1 && errno == EFAULT);
    CHECK(write(probe[1], lowest - guard, 1) == -1 && errno == EFAULT);
    __atomic_fetch_add(&guards, 1, __ATOMIC_SEQ_CST);
}

static void *stay(void *argument)
{
    long number = (long)(intptr_t)argument;
    if (number % SAMPLE == 0)
        try_guard();
    CHECK(sem_post(&parked) == 0);
    if (number % 2) {
        CHECK(pthread_mutex_lock(&mutex) == 0);
        while (!open_to_all)
            CHECK(pthread_cond_wait(&condition, &mutex) == 0);
        CHECK(pthread_mutex_unlock(&mutex) == 0);
    } else {
        CHECK(sem_wait(&released) == 0);
    }
    __atomic_fetch_add(&ran, 1, __ATOMIC_SEQ_CST);
    return argument;
}

/* ---- with all of them alive ----------------------------------------------------- */

static void on_signal(int signal)
{
    (void)signal;
    CHECK(write(STDOUT_FILENO, "signal\n", 7) == 7);
}

/* Not inlined, so that it has a frame. */
__attribute__((noinline)) static void hold(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    char byte;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(write(STDOUT_FILENO, "parked\n", 7) == 7);
    CHECK(read(STDIN_FILENO, &byte, 1) >= 0);
    CHECK(ran == 0);
    exit(0);
}

int main(int count, char **arguments)
{
    CHECK(count >= 2 && count <= 4);
    long most = atol(arguments[1]);
    size_t stack = count >= 3 ? strtoul(arguments[2], NULL, 10) : 64 << 10;
    pthread_t *threads = malloc((size_t)most * sizeof *threads);
    pthread_attr_t attributes;
    CHECK(most > 0 && threads);
    memset(threads, 1, (size_t)most * sizeof *threads);     /* resident before we measure */
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, stack) == 0);
    CHECK(sem_init(&released, 0, 0) == 0 && sem_init(&parked, 0, 0) == 0);
    CHECK(pipe(probe) == 0);

    long before = memory();
    double begin = seconds(CLOCK_MONOTONIC);
    for (long i = 0; i < most; i++)
        CHECK(pthread_create(&threads[i], &attributes, stay, (void *)(intptr_t)i) == 0);
    for (long i = 0; i < most; i++)
        CHECK(sem_wait(&parked) == 0);
    double all_parked = seconds(CLOCK_MONOTONIC);
    long taken = memory() - before, tasks = kernel_threads();
    CHECK(ran == 0);                /* none is through before the gate opens */
    if (count == 4)
        hold();

    double gate = seconds(CLOCK_MONOTONIC);
    CHECK(pthread_mutex_lock(&mutex) == 0);
    open_to_all = 1;
    CHECK(pthread_cond_broadcast(&condition) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    for (long i = 0; i < most; i += 2)
        CHECK(sem_post(&released) == 0);
    for (long i = 0; i < most; i++)
        CHECK(join(threads[i]) == (void *)(intptr_t)i);
    double end = seconds(CLOCK_MONOTONIC);

    CHECK(ran == most && guards == (most + SAMPLE - 1) / SAMPLE);
    printf("threads %ld threads\n", most);
    printf("guards %ld pages\n", guards);
    printf("bytes_per_thread %ld bytes\n", taken * 1024 / most);
    printf("kernel_threads %ld threads\n", tasks);
    printf("create %.3f s\n", all_parked - begin);
    printf("wake_and_join %.3f s\n", end - gate);
    free(threads);
    return 0;
}
