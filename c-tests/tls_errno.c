/*
 * tls_errno: errno is each thread's own: what one thread's failing call set is
 * untouched by what other threads do while it blocks.
 * Follows errno(3).
 */
#include "lib/expect.h"
#include "lib/gate.h"

#include <fcntl.h>

enum { THREADS = 8, ROUNDS = 200 };

static const int errors[] = { ENOENT, EBADF, EINVAL, EISDIR };
static pthread_barrier_t barrier;

static void fail_with(int error)
{
    struct timespec time;
    switch (error) {
    case ENOENT:
        EXPECT(open("/no/such/file", O_RDONLY) == -1);
        break;
    case EBADF:
        EXPECT(close(-1) == -1);
        break;
    case EINVAL:
        EXPECT(clock_gettime((clockid_t)12345, &time) == -1);
        break;
    case EISDIR:
        EXPECT(open("/", O_WRONLY) == -1);
        break;
    }
}

/* The barrier lets every other thread fail between our failure and our look. */
static void *fail_in_turn(void *argument)
{
    intptr_t number = (intptr_t)argument;
    int *address = &errno;
    intptr_t right = 0;
    for (intptr_t round = 0; round < ROUNDS; round++) {
        int error = errors[(number + round) % 4];
        fail_with(error);
        pthread_barrier_wait(&barrier);
        right += errno == error && address == &errno;
        pthread_barrier_wait(&barrier);
    }
    return (void *)right;
}

static void *fresh(void *gate)
{
    int first = errno;
    errno = EDOM;
    gate_wait(gate);
    return (void *)(intptr_t)(first == 0 && errno == EDOM);
}

int main(void)
{
    OK(pthread_barrier_init(&barrier, NULL, THREADS));
    pthread_t threads[THREADS];
    for (intptr_t i = 0; i < THREADS; i++)
        threads[i] = start_thread(fail_in_turn, (void *)i);
    for (int i = 0; i < THREADS; i++) {
        intptr_t right = (intptr_t)join_thread(threads[i]);
        printf("thread %d: %ld of %d right\n", i, (long)right, ROUNDS);
        EXPECT(right == ROUNDS);
    }

    struct gate gate = gate_make();
    errno = ERANGE;
    pthread_t thread = start_thread(fresh, &gate);
    gate_open(&gate);
    int kept = join_thread(thread) != NULL;
    printf("a new thread starts with 0 and keeps its own: %s\n", kept ? "yes" : "no");
    show("main's own", errno);
    EXPECT(kept && errno == ERANGE);
    return 0;
}
