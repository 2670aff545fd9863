/*
 * attr_default: threads created without attributes get the program's defaults:
 * stack size, guard size, detach state, signal mask.  A default stack address
 * is EINVAL, and a refused default changes nothing.
 * Follows pthread_setattr_default_np(3).
 */
#include "lib/expect.h"
#include "lib/gate.h"

#include <semaphore.h>
#include <signal.h>

static sem_t looked;

/* What the thread finds of itself, by its own attributes and mask. */
static void *look(void *name)
{
    pthread_attr_t attributes;
    size_t size, guard;
    void *low;
    int state;
    sigset_t mask;
    char local;
    OK(pthread_getattr_np(pthread_self(), &attributes));
    OK(pthread_attr_getstack(&attributes, &low, &size));
    OK(pthread_attr_getguardsize(&attributes, &guard));
    OK(pthread_attr_getdetachstate(&attributes, &state));
    OK(pthread_attr_destroy(&attributes));
    OK(pthread_sigmask(SIG_SETMASK, NULL, &mask));
    EXPECT(&local >= (char *)low && &local < (char *)low + size);
    /* glibc takes a guard out of the size it reports, or not, by version. */
    printf("%s\n  3 MiB of stack: %s\n  guard of 64 KiB: %s\n  detached: %s\n  SIGUSR1 blocked: %s\n",
           (char *)name,
           size + guard >= (size_t)3 << 20 && size < (size_t)4 << 20 ? "yes" : "no",
           guard == 64 << 10 ? "yes" : "no", state == PTHREAD_CREATE_DETACHED ? "yes" : "no",
           sigismember(&mask, SIGUSR1) ? "yes" : "no");
    SYS(sem_post(&looked));
    return NULL;
}

static int run(const char *name, const pthread_attr_t *attributes)
{
    pthread_t thread;
    OK(pthread_create(&thread, attributes, look, (void *)name));
    SYS(sem_wait(&looked));
    return attributes ? pthread_join(thread, NULL) : 0;
}

static size_t default_size(void)
{
    pthread_attr_t defaults;
    size_t size;
    OK(pthread_getattr_default_np(&defaults));
    OK(pthread_attr_getstacksize(&defaults, &size));
    OK(pthread_attr_destroy(&defaults));
    return size;
}

int main(void)
{
    SYS(sem_init(&looked, 0, 0));
    size_t size_at_first = default_size();
    pthread_attr_t defaults, untouched;
    OK(pthread_getattr_default_np(&defaults));
    static char memory[1 << 16];
    OK(pthread_attr_setstack(&defaults, memory, sizeof memory));
    show("a default stack address", pthread_setattr_default_np(&defaults));
    printf("  unchanged: %d\n", default_size() == size_at_first);
    OK(pthread_attr_destroy(&defaults));

    OK(pthread_attr_init(&defaults));
    OK(pthread_attr_setstacksize(&defaults, 3 << 20));
    show("a default stack size", pthread_setattr_default_np(&defaults));
    printf("  3 MiB: %d\n", default_size() == 3 << 20);
    run("by size alone", NULL);

    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    OK(pthread_attr_setguardsize(&defaults, 64 << 10));
    OK(pthread_attr_setdetachstate(&defaults, PTHREAD_CREATE_DETACHED));
    OK(pthread_attr_setsigmask_np(&defaults, &mask));
    show("more defaults", pthread_setattr_default_np(&defaults));
    run("by all of them", NULL);

    /* An object takes its stack size from the defaults, and no more. */
    OK(pthread_attr_init(&untouched));
    show("joined", run("with an object of its own", &untouched));
    OK(pthread_attr_destroy(&untouched));
    OK(pthread_attr_destroy(&defaults));
    return 0;
}
