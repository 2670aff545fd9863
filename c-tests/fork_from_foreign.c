/* A SIGEV_THREAD timer's function, run by a kernel thread that glibc starts
 * itself, forks. In the child that thread is the only one; it creates threads
 * that contend for malloc's and stdio's locks, and they lose no update:
 * fork(2), timer_create(2), flockfile(3).
 */
#include "lib/check.h"

enum { THREADS = 4, ROUNDS = 20000 };

static FILE *file;
static long count;
static int result[2];

static void *contend(void *unused)
{
    void *kept[16] = { NULL };
    for (int i = 0; i < ROUNDS; i++) {
        void **slot = &kept[i % 16];
        free(*slot);
        *slot = malloc(2000 + (size_t)i % 64);
        CHECK(*slot);
        memset(*slot, i, 2000);
        flockfile(file);
        long seen = count;
        for (volatile int pause = 0; pause < 10; pause++)
            ;
        count = seen + 1;
        funlockfile(file);
    }
    for (int i = 0; i < 16; i++)
        free(kept[i]);
    return unused;
}

static void contend_together(void)
{
    pthread_t threads[THREADS];
    count = 0;
    for (int i = 0; i < THREADS; i++)
        threads[i] = start(contend, NULL);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
}

static void expire(union sigval value)
{
    (void)value;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        contend_together();
        _exit(count == (long)THREADS * ROUNDS ? 0 : 9);
    }
    const char *end = child_end(child);
    write_all(result[1], end, strlen(end));
    close(result[1]);
}

int main(void)
{
    struct sigevent event = {
        .sigev_notify = SIGEV_THREAD, .sigev_notify_function = expire,
    };
    struct itimerspec soon = { { 0, 0 }, { 0, 1000000 } };
    timer_t timer;
    char end[40] = "";
    file = tmpfile();
    CHECK(file && pipe(result) == 0);
    others_run();
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    CHECK(timer_settime(timer, 0, &soon, NULL) == 0);
    CHECK(read_all(result[0], end, sizeof end - 1) > 0);
    CHECK(timer_delete(timer) == 0);
    printf("child: %s\n", end);
    contend_together();
    printf("parent: %ld of %d\n", count, THREADS * ROUNDS);
    return strcmp(end, "exit 0") != 0;
}
