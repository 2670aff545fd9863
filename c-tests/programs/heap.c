/* Threads allocate, fill, hand over, check and free blocks of all sizes, while
 * signals arrive; then one of them forks while the others wait, and its child
 * does the same with threads of its own. For other libraries that are loaded
 * beside libgreen, those that replace malloc above all: malloc(3),
 * posix_memalign(3), sigqueue(3), fork(2).
 */
#include "../lib/check.h"

#include <sched.h>
#include <stdint.h>
#include <string.h>

enum { THREADS = 30, CHILD_THREADS = 8, ROUNDS = 600, SLOTS = 50, SIGNALS = 100 };

struct block {
    size_t size;
    unsigned char fill;
    unsigned char bytes[];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct block *slots[SLOTS];
static long checked;
static int waiting, go;
static volatile sig_atomic_t handled;

static void count(int signal_number)
{
    (void)signal_number;
    handled++;
}

static size_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

/* A block of random size, made in one of five ways. */
static struct block *make(uint32_t *state)
{
    size_t size = next_random(state) % (next_random(state) % 40 ? 700 : 300000);
    size_t whole = sizeof(struct block) + size;
    void *made = NULL;
    switch (next_random(state) % 5) {
    case 0:
        made = calloc(1, whole);
        for (size_t i = 0; made && i < whole; i++)
            CHECK(((char *)made)[i] == 0);
        break;
    case 1:
        CHECK(posix_memalign(&made, 256, whole) == 0);
        CHECK((uintptr_t)made % 256 == 0);
        break;
    case 2:
        made = realloc(malloc(size / 3 + 1), whole);
        break;
    case 3:
        made = aligned_alloc(64, (whole + 63) / 64 * 64);
        CHECK((uintptr_t)made % 64 == 0);
        break;
    default:
        made = malloc(whole);
    }
    CHECK(made);
    struct block *block = made;
    block->size = size;
    block->fill = (unsigned char)next_random(state);
    memset(block->bytes, block->fill, size);
    return block;
}

static void check_and_free(struct block *block)
{
    if (!block)
        return;
    for (size_t i = 0; i < block->size; i++)
        CHECK(block->bytes[i] == block->fill);
    free(block);
}

static struct block *swap(struct block *block, size_t slot)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    struct block *other = slots[slot];
    slots[slot] = block;
    checked += block != NULL;
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return other;
}

static void churn(uint32_t state)
{
    for (int round = 0; round < ROUNDS; round++) {
        check_and_free(swap(make(&state), next_random(&state) % SLOTS));
        if (next_random(&state) % 8 == 0)
            sched_yield();
    }
}

static void *churn_once(void *seed)
{
    churn((uint32_t)(uintptr_t)seed);
    return NULL;
}

static void *churn_twice(void *seed)
{
    churn((uint32_t)(uintptr_t)seed);
    CHECK(pthread_mutex_lock(&mutex) == 0);
    waiting++;
    CHECK(pthread_cond_broadcast(&changed) == 0);
    while (!go)
        CHECK(pthread_cond_wait(&changed, &mutex) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    churn((uint32_t)(uintptr_t)seed + 1);
    return NULL;
}

static void in_child(void)
{
    pthread_t threads[CHILD_THREADS];
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    for (uintptr_t i = 0; i < CHILD_THREADS; i++)
        threads[i] = start(churn_once, (void *)(i + 1000));
    for (int i = 0; i < CHILD_THREADS; i++)
        join(threads[i]);
    _exit(7);
}

static void *forker(void *unused)
{
    int status;
    /* Waiting threads may be awake for a moment: the mutex must be ours in the child. */
    CHECK(pthread_mutex_lock(&mutex) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        in_child();
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    printf("child: %d\n", WEXITSTATUS(status));
    return unused;
}

static void send_signals(void)
{
    struct sigaction action = { .sa_handler = count, .sa_flags = SA_RESTART };
    CHECK(sigaction(SIGRTMIN, &action, NULL) == 0);
    for (int i = 0; i < SIGNALS; i++) {
        CHECK(sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = i }) == 0);
        sched_yield();
    }
}

int main(void)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        threads[i] = start(churn_twice, (void *)(i * 2));
    send_signals();

    CHECK(pthread_mutex_lock(&mutex) == 0);
    while (waiting < THREADS)
        CHECK(pthread_cond_wait(&changed, &mutex) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    join(start(forker, NULL));

    CHECK(pthread_mutex_lock(&mutex) == 0);
    go = 1;
    CHECK(pthread_cond_broadcast(&changed) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    for (int i = 0; i < THREADS; i++)
        join(threads[i]);
    for (size_t slot = 0; slot < SLOTS; slot++)
        check_and_free(swap(NULL, slot));
    printf("blocks: %ld, signals: %d\n", checked, (int)handled);
    return 0;
}
