/*
 * thread_deep_recursion: threads with the default attributes can recurse
 * through about 7 MiB of stack, several one after another and two at once,
 * and find every frame unchanged on the way back.
 * Follows pthread_create(3), "default stack size".
 */
#include "lib/expect.h"

enum { FRAME = 4096, MARGIN = 1 << 20 };

static pthread_barrier_t barrier;

/* Returns the number of frames that were intact. */
static __attribute__((noinline)) long descend(long depth, int meet)
{
    volatile unsigned char frame[FRAME];
    for (int i = 0; i < FRAME; i += 64)
        frame[i] = (unsigned char)depth;
    long intact = 0;
    if (depth > 1)
        intact = descend(depth - 1, meet);
    else if (meet)
        pthread_barrier_wait(&barrier);
    int same = 1;
    for (int i = 0; i < FRAME; i += 64)
        same &= frame[i] == (unsigned char)depth;
    return intact + same;
}

static long frames(void)
{
    pthread_attr_t attributes;
    size_t size;
    OK(pthread_getattr_default_np(&attributes));
    OK(pthread_attr_getstacksize(&attributes, &size));
    OK(pthread_attr_destroy(&attributes));
    size_t used = size < (8 << 20) ? size : 8 << 20;
    return (long)((used - MARGIN) / (FRAME + 128));
}

static void *recurse(void *meet)
{
    long depth = frames();
    return (void *)(intptr_t)(descend(depth, meet != NULL) == depth);
}

int main(void)
{
    OK(pthread_barrier_init(&barrier, NULL, 2));
    for (int i = 1; i <= 3; i++) {
        int intact = join_thread(start_thread(recurse, NULL)) != NULL;
        printf("thread %d: %s\n", i, intact ? "intact" : "damaged");
        EXPECT(intact);
    }
    pthread_t left = start_thread(recurse, &barrier);
    pthread_t right = start_thread(recurse, &barrier);
    int both = join_thread(left) != NULL && join_thread(right) != NULL;
    printf("two at once: %s\n", both ? "intact" : "damaged");
    EXPECT(both);
    return 0;
}
