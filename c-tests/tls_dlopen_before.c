/*
 * tls_dlopen_before: a library with __thread variables is opened before there
 * are threads.  Every thread has its own, with initial values, also if it gets
 * the memory of one that ended; dlsym finds the calling thread's.
 * Follows dlopen(3), dlsym(3) and the ELF thread-local storage ABI.
 *
 * test: plugin=tls_plugin.c
 */
#include "lib/expect.h"
#include "lib/gate.h"
#include "lib/tls_plugin.h"

enum { THREADS = 12, SUCCESSORS = 60 };

static const struct tls_plugin *plugin;
static void *handle;
static pthread_barrier_t barrier;
static struct gate gate;
static void *addresses[THREADS];

/* All have changed their variables before anybody looks again. */
static void *use(void *argument)
{
    int number = (int)(intptr_t)argument;
    int fresh = plugin->stale() == NULL;
    plugin->fill(number + 1);
    addresses[number] = plugin->address();
    pthread_barrier_wait(&barrier);
    gate_wait(&gate);
    int kept = plugin->filled(number + 1) && plugin->address() == addresses[number]
        && dlsym(handle, "tls_plugin_number") == addresses[number];
    return (void *)(intptr_t)(fresh + 2 * kept);
}

static int all_differ(void)
{
    for (int i = 0; i < THREADS; i++)
        for (int j = 0; j < i; j++)
            if (addresses[i] == addresses[j] || addresses[i] == plugin->address())
                return 0;
    return 1;
}

static void together(void)
{
    pthread_t threads[THREADS];
    int fresh = 0, kept = 0;
    gate = gate_make();
    for (intptr_t i = 0; i < THREADS; i++)
        threads[i] = start_thread(use, (void *)i);
    gate_open(&gate);
    for (int i = 0; i < THREADS; i++) {
        intptr_t result = (intptr_t)join_thread(threads[i]);
        fresh += result & 1;
        kept += result >> 1;
    }
    int differ = all_differ();
    printf("%d threads: %d fresh, %d kept their own, addresses %s\n", THREADS, fresh, kept,
           differ ? "differ" : "coincide");
    EXPECT(fresh == THREADS && kept == THREADS && differ);
}

/* Does not touch the library before its end, or not at all. */
static void *look_late(void *argument)
{
    intptr_t number = (intptr_t)argument;
    if (number % 3 == 0)
        return (void *)1;
    sched_yield();
    int fresh = plugin->stale() == NULL;
    plugin->fill((int)number);
    return (void *)(intptr_t)fresh;
}

static void one_after_another(void)
{
    int fresh = 0;
    for (intptr_t i = 0; i < SUCCESSORS; i++)
        fresh += join_thread(start_thread(look_late, (void *)i)) != NULL;
    printf("%d threads one after another: %d fresh\n", SUCCESSORS, fresh);
    EXPECT(fresh == SUCCESSORS);
}

int main(void)
{
    OK(pthread_barrier_init(&barrier, NULL, THREADS));
    plugin = plugin_open(&handle);
    EXPECT(!plugin->stale());
    plugin->fill(99);
    EXPECT(dlsym(handle, "tls_plugin_number") == plugin->address());
    together();
    one_after_another();
    together();
    printf("main: %s\n", plugin->filled(99) ? "kept its own" : "changed");
    EXPECT(plugin->filled(99));
    plugin_close(handle);
    return 0;
}
