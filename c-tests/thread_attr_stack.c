/*
 * thread_attr_stack: threads run with the stack size their attributes ask for
 * and can use most of it; sizes that are too small are EINVAL.
 * Follows pthread_attr_setstacksize(3).
 */
#include "lib/expect.h"

static pthread_barrier_t barrier;

/* Writes all of a large local array, blocks, and finds it unchanged. */
static void *use_stack(void *size)
{
    size_t length = (size_t)size;
    volatile unsigned char *local = alloca(length);
    for (size_t i = 0; i < length; i++)
        local[i] = (unsigned char)(i * 7);
    pthread_barrier_wait(&barrier);
    size_t same = 0;
    for (size_t i = 0; i < length; i++)
        same += local[i] == (unsigned char)(i * 7);
    return (void *)same;
}

static void try_size(const char *name, size_t size, size_t used)
{
    pthread_attr_t attributes;
    OK(pthread_attr_init(&attributes));
    OK(pthread_attr_setstacksize(&attributes, size));
    size_t read_back;
    OK(pthread_attr_getstacksize(&attributes, &read_back));
    EXPECT(read_back == size);

    pthread_t thread;
    OK(pthread_create(&thread, &attributes, use_stack, (void *)used));
    OK(pthread_attr_destroy(&attributes));
    pthread_barrier_wait(&barrier);
    EXPECT(join_thread(thread) == (void *)used);
    printf("%s: %zu bytes used\n", name, used);
}

int main(void)
{
    OK(pthread_barrier_init(&barrier, NULL, 2));
    try_size("PTHREAD_STACK_MIN", (size_t)PTHREAD_STACK_MIN, 4096);
    try_size("64 KiB", 64 << 10, 48 << 10);
    try_size("1 MiB", 1 << 20, 960 << 10);
    try_size("1 MiB and a bit", (1 << 20) + 1234, 960 << 10);

    pthread_attr_t attributes;
    OK(pthread_attr_init(&attributes));
    show("size 0", pthread_attr_setstacksize(&attributes, 0));
    show("size 4096", pthread_attr_setstacksize(&attributes, 4096));
    return 0;
}
