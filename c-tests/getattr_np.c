/*
 * getattr_np: the attributes of a running thread tell its real stack (a local
 * variable lies within, the size is at least what was asked for) and its detach state.
 * Garbage collectors depend on it.
 * Follows pthread_getattr_np(3).
 */
#include "lib/expect.h"

struct bounds {
    char *low;
    size_t size;
    size_t guard;
    int detached;
};

static struct bounds bounds_of(pthread_t thread)
{
    struct bounds bounds;
    pthread_attr_t attributes;
    void *low;
    OK(pthread_getattr_np(thread, &attributes));
    OK(pthread_attr_getstack(&attributes, &low, &bounds.size));
    OK(pthread_attr_getguardsize(&attributes, &bounds.guard));
    OK(pthread_attr_getdetachstate(&attributes, &bounds.detached));
    OK(pthread_attr_destroy(&attributes));
    bounds.low = low;
    return bounds;
}

static int contains(struct bounds bounds, const void *address)
{
    return (const char *)address >= bounds.low && (const char *)address < bounds.low + bounds.size;
}

static void *look(void *asked)
{
    char local = 0;
    struct bounds bounds = bounds_of(pthread_self());
    size_t size = *(size_t *)asked;
    printf("  local within: %s\n", contains(bounds, &local) ? "yes" : "no");
    printf("  size at least as asked: %s\n", bounds.size + bounds.guard >= size ? "yes" : "no");
    printf("  guard: %s\n", bounds.guard > 0 ? "yes" : "no");
    printf("  state: %s\n", bounds.detached == PTHREAD_CREATE_DETACHED ? "detached" : "joinable");
    EXPECT(contains(bounds, &local));
    EXPECT(bounds.size + bounds.guard >= size && bounds.size < (size_t)1 << 30);
    return NULL;
}

static void try_size(const char *name, const pthread_attr_t *attributes, size_t size)
{
    puts(name);
    pthread_t thread;
    OK(pthread_create(&thread, attributes, look, &size));
    join_thread(thread);
}

int main(void)
{
    char local = 0;
    struct bounds bounds = bounds_of(pthread_self());
    printf("main\n  local within: %s\n", contains(bounds, &local) ? "yes" : "no");
    EXPECT(contains(bounds, &local));

    pthread_attr_t attributes;
    size_t size;
    OK(pthread_attr_init(&attributes));
    OK(pthread_attr_getstacksize(&attributes, &size));
    try_size("default size", NULL, size);
    OK(pthread_attr_setstacksize(&attributes, 128 << 10));
    try_size("128 KiB", &attributes, 128 << 10);
    OK(pthread_attr_setstacksize(&attributes, 4 << 20));
    try_size("4 MiB", &attributes, 4 << 20);
    return 0;
}
