/* While a library's constructor computes and lets others run, other threads
 * that open, close or look up wait until it has ended, and the rest go on:
 * dlopen(3), dlsym(3), dl_iterate_phdr(3).
 *
 * test: timeout=20
 * test: env=GREEN_SLICE_MS=10
 * test: plugin=preempt_plugin.c
 * test: cflags=-rdynamic
 * test: slow
 */
#include "lib/computing.h"
#include <dlfcn.h>

static sem_t inside;
static volatile int constructed;

void plugin_constructed(void)
{
    CHECK(sem_post(&inside) == 0);
    compute_for_ticks(10);
    constructed++;
}

void plugin_destroyed(void)
{
    constructed--;
}

static void *open_plugin(void *unused)
{
    void *library = dlopen(PLUGIN, RTLD_NOW);
    CHECK(library && constructed == 1);
    CHECK(dlclose(library) == 0);
    return unused;
}

static void *open_program(void *unused)
{
    void *program = dlopen(NULL, RTLD_NOW);
    CHECK(program && dlclose(program) == 0);
    return unused;
}

static void *look_up(void *unused)
{
    CHECK(dlsym(RTLD_DEFAULT, "plugin_destroyed") == (void *)plugin_destroyed);
    return unused;
}

/* Cancelling unwinds the stack, and for that the tables of all libraries are needed. */
static void *cancel_itself(void *unused)
{
    CHECK(pthread_cancel(pthread_self()) == 0);
    pthread_testcancel();
    return unused;
}

static const struct {
    const char *name;
    thread_body *body;
} others[] = {
    { "dlopen and dlclose", open_program },
    { "dlsym", look_up },
    { "pthread_cancel", cancel_itself },
};

int main(void)
{
    CHECK(sem_init(&inside, 0, 0) == 0);
    begin_ticks();
    for (size_t i = 0; i < COUNT(others); i++) {
        pthread_t opener = start(open_plugin, NULL);
        CHECK(sem_wait(&inside) == 0);
        pthread_t other = start(others[i].body, NULL);
        join(opener), join(other);
        CHECK(constructed == 0);
        printf("%s in another thread meanwhile: done\n", others[i].name);
    }
    end_ticks();
    return 0;
}
