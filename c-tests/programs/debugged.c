/* For debuggers: `step`, a thread locks a mutex that another holds until a third
 * has run; `attach`, the same after a byte of standard input; `crash`, a
 * thread aborts; `compute`, threads compute: pthread_mutex_lock(3), abort(3).
 */
#include "../lib/check.h"

#include <sched.h>
#include <string.h>

#define CALL __attribute__((noinline, noclone))

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int held[2], release[2];
static volatile int order;

CALL static int after_lock(int number)
{
    order = number;
    return order;
}

CALL static int lock_it(int number)
{
    pthread_mutex_lock(&mutex);
    int locked = after_lock(number);
    pthread_mutex_unlock(&mutex);
    return locked + number * 10;
}

static void *waiter(void *result)
{
    *(volatile int *)result = lock_it(3);
    return result;
}

static void *holder(void *unused)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    give(held[1], 'h');
    take(release[0]);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return unused;
}

static void *releaser(void *unused)
{
    give(release[1], 'r');
    return unused;
}

CALL static int crash_inner(int number)
{
    if (number > order)
        abort();
    return number;
}

CALL static int crash_outer(int number)
{
    return crash_inner(number) + 1;
}

static void *crasher(void *result)
{
    *(int *)result = crash_outer(5);
    return result;
}

static volatile long total;

CALL static void hot_spot(void)
{
    for (long i = 0; i < 5000000; i++)
        total += i;
}

CALL static void compute_some(void)
{
    for (int i = 0; i < 10; i++) {
        hot_spot();
        sched_yield();
    }
    order++;
}

static void *computer(void *unused)
{
    compute_some();
    return unused;
}

static void compute(void)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        threads[i] = start(computer, NULL);
    for (int i = 0; i < 4; i++)
        join(threads[i]);
    puts("computed");
}

int main(int count, char **arguments)
{
    int result;

    CHECK(count == 2);
    CHECK(pipe(held) == 0);
    CHECK(pipe(release) == 0);
    if (strcmp(arguments[1], "crash") == 0)
        join(start(crasher, &result));
    if (strcmp(arguments[1], "compute") == 0) {
        compute();
        return 0;
    }
    pthread_t first = start(holder, NULL);
    take(held[0]);
    if (strcmp(arguments[1], "attach") == 0) {
        puts("waiting");
        fflush(stdout);
        take(STDIN_FILENO);
    }
    pthread_t second = start(waiter, &result);
    pthread_t third = start(releaser, NULL);
    join(second);
    join(first);
    join(third);
    printf("lock_it: %d\n", result);
    return 0;
}
