/*
 * cxx_thread_local_dlopen: thread_local objects of a library opened at run time
 * are destroyed at the end of each thread that made one, before the values of
 * pthread keys.  dlclose while a thread still has one leaves the library in
 * place, so that the destructor can run; the next dlclose after that takes it
 * away.  An object made by a key's destructor comes too late to be destroyed.
 * Follows dlopen(3), dlclose(3), pthread_key_create(3posix) and the C++
 * standard, [basic.stc.thread]; what is left open there, glibc.
 *
 * test: plugin=cxx_plugin.cc
 */
#include "lib/expect.h"
#include "lib/gate.h"
#include "lib/cxx_plugin.h"

#include <dlfcn.h>
#include <semaphore.h>

namespace {

enum { THREADS = 6, RELOADS = 5 };

void *handle;
const cxx_plugin *plugin;
gate the_gate;
sem_t ready;
int destroyed, uses_in_all, unloads;

void count_destroyed(void *, int uses)
{
    __atomic_fetch_add(&destroyed, 1, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&uses_in_all, uses, __ATOMIC_SEQ_CST);
}

void count_unload()
{
    unloads++;
}

void open_plugin()
{
    handle = dlopen(PLUGIN, RTLD_NOW);
    EXPECT(handle);
    plugin = static_cast<const cxx_plugin *>(dlsym(handle, "plugin"));
    EXPECT(plugin);
    plugin->on_unload(count_unload);
    destroyed = uses_in_all = unloads = 0;
}

void close_plugin()
{
    EXPECT(dlclose(handle) == 0);
}

/* Asks ld.so to look once more whether somebody needs the library. */
void reclaim()
{
    void *still = dlopen(PLUGIN, RTLD_NOW | RTLD_NOLOAD);
    if (still)
        EXPECT(dlclose(still) == 0);
}

const char *present()
{
    return unloads ? "unloaded" : "in place";
}

/* ---- made, used, destroyed ------------------------------------------------------------ */

void *use_and_park(void *argument)
{
    int times = static_cast<int>(reinterpret_cast<intptr_t>(argument));
    for (int i = 1; i <= times; i++)
        EXPECT(plugin->use(count_destroyed, nullptr) == i);
    SYS(sem_post(&ready));
    gate_wait(&the_gate);
    if (times)
        plugin->use(count_destroyed, nullptr);
    return nullptr;
}

/* Thread 0 makes no object. */
void start_all(pthread_t *threads)
{
    the_gate = gate_make();
    for (intptr_t i = 0; i < THREADS; i++)
        threads[i] = start_thread(use_and_park, reinterpret_cast<void *>(i));
    for (int i = 0; i < THREADS; i++)
        SYS(sem_wait(&ready));
}

void end_all(pthread_t *threads)
{
    gate_open(&the_gate);
    for (int i = 0; i < THREADS; i++)
        join_thread(threads[i]);
}

void one_each()
{
    pthread_t threads[THREADS];
    open_plugin();
    start_all(threads);
    printf("%d threads parked: %d destroyed\n", THREADS, destroyed);
    end_all(threads);
    printf("ended: %d destroyed, after %d uses\n", destroyed, uses_in_all);
    EXPECT(destroyed == THREADS - 1 && uses_in_all == 20);
    close_plugin();
    printf("closed: %s\n", present());
}

/* Memory of the size of what ld.so freed: nothing may still point there. */
void occupy_memory()
{
    for (size_t size = 500; size < 2500; size += 16)
        EXPECT(malloc(size));
}

/* The threads of each time may get the memory of those of the time before, for which the
 * library, likely at the same address, was another. */
void closed_too_early()
{
    for (int time = 1; time <= RELOADS; time++) {
        pthread_t threads[THREADS];
        open_plugin();
        start_all(threads);
        close_plugin();
        printf("time %d, closed with objects alive: %s", time, present());
        fflush(stdout);
        EXPECT(!unloads);
        end_all(threads);
        printf(", %d destroyed after %d uses", destroyed, uses_in_all);
        reclaim();
        printf(", then %s\n", present());
        EXPECT(destroyed == THREADS - 1 && uses_in_all == 20 && unloads == 1);
        occupy_memory();
    }
}

/* ---- together with keys ------------------------------------------------------------------ */

pthread_key_t key;
const char *order[8];
int seen;

void note(const char *what)
{
    EXPECT(seen < 8);
    order[seen++] = what;
}

void object_destroyed(void *, int)
{
    /* The keys' values are still there, and may be set. */
    note(pthread_getspecific(key) ? "object, key has its value" : "object, key is NULL");
    OK(pthread_setspecific(key, "value from the object"));
}

void key_destroyed(void *value)
{
    note(static_cast<const char *>(value));
}

void *use_both(void *key_first)
{
    if (key_first)
        OK(pthread_setspecific(key, "value"));
    plugin->use(object_destroyed, nullptr);
    if (!key_first)
        OK(pthread_setspecific(key, "value"));
    pthread_exit(nullptr);
}

void object_before_key()
{
    open_plugin();
    OK(pthread_key_create(&key, key_destroyed));
    for (int key_first = 0; key_first < 2; key_first++) {
        seen = 0;
        join_thread(start_thread(use_both, key_first ? &key : nullptr));
        printf("%s first:", key_first ? "key" : "object");
        for (int i = 0; i < seen; i++)
            printf(" (%s)", order[i]);
        printf("\n");
        EXPECT(seen == 2);
    }
    OK(pthread_key_delete(key));
    close_plugin();
    printf("closed: %s\n", present());
}

void use_in_destructor(void *)
{
    EXPECT(plugin->use(count_destroyed, nullptr) == 1);
}

void *set_key(void *value)
{
    OK(pthread_setspecific(key, value));
    return nullptr;
}

void *use_once(void *)
{
    EXPECT(plugin->use(count_destroyed, nullptr) == 1);
    return nullptr;
}

void *use_nothing(void *)
{
    return nullptr;
}

/* Later threads, which may get the memory, must not destroy what is not theirs. */
void made_too_late()
{
    open_plugin();
    OK(pthread_key_create(&key, use_in_destructor));
    for (int i = 0; i < 3; i++) {
        join_thread(start_thread(set_key, &key));
        join_thread(start_thread(use_nothing, nullptr));
    }
    printf("made in a key's destructor: %d destroyed\n", destroyed);
    fflush(stdout);
    EXPECT(destroyed == 0);
    for (int i = 0; i < 3; i++)
        join_thread(start_thread(use_once, nullptr));
    printf("made in time: %d destroyed after %d uses\n", destroyed, uses_in_all);
    EXPECT(destroyed == 3 && uses_in_all == 3);
    OK(pthread_key_delete(key));
    close_plugin();
    reclaim();
    printf("closed: %s\n", present());
    /* It goes with the process, when our variables may be gone. */
    plugin->on_unload(nullptr);
}

}

int main()
{
    SYS(sem_init(&ready, 0, 0));
    one_each();
    closed_too_early();
    object_before_key();
    made_too_late();
    return 0;
}
