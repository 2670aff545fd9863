/*
 * tls_malloc: many threads allocate, fill, hand over to others, check and free
 * blocks of all sizes, blocking in between; no block changes or is given out
 * twice.
 * Follows malloc(3), "thread safety".
 */
#include "lib/expect.h"

enum { THREADS = 16, SLOTS = 64, ROUNDS = 4000 };

struct block {
    size_t size;
    unsigned char fill;
    unsigned char bytes[];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct block *slots[SLOTS];
static long live;

static size_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static struct block *make(uint32_t *state)
{
    size_t size = next_random(state) % (next_random(state) % 20 ? 500 : 200000);
    struct block *block = malloc(sizeof *block + size);
    EXPECT(block);
    block->size = size;
    block->fill = (unsigned char)next_random(state);
    memset(block->bytes, block->fill, size);
    return block;
}

static void check_and_free(struct block *block)
{
    for (size_t i = 0; i < block->size; i++)
        EXPECT(block->bytes[i] == block->fill);
    free(block);
}

/* Puts a block of ours into a slot and takes out what another thread left. */
static struct block *swap(struct block *block, size_t slot)
{
    pthread_mutex_lock(&mutex);
    struct block *other = slots[slot];
    slots[slot] = block;
    live += (block != NULL) - (other != NULL);
    pthread_mutex_unlock(&mutex);
    return other;
}

static void *work(void *seed)
{
    uint32_t state = (uint32_t)(uintptr_t)seed;
    for (int round = 0; round < ROUNDS; round++) {
        struct block *other = swap(make(&state), next_random(&state) % SLOTS);
        if (round % 8 == 0)
            sched_yield();
        if (other)
            check_and_free(other);
    }
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        threads[i] = start_thread(work, (void *)(i + 1));
    for (int i = 0; i < THREADS; i++)
        join_thread(threads[i]);
    for (size_t i = 0; i < SLOTS; i++) {
        struct block *rest = swap(NULL, i);
        if (rest)
            check_and_free(rest);
    }
    printf("%d blocks through %d threads, %ld left\n", THREADS * ROUNDS, THREADS, live);
    EXPECT(live == 0);
    return 0;
}
