/*
 * setname_np: a thread starts with its creator's name; it and others can
 * change and read it; ERANGE for names over 15 characters and buffers under
 * 16.
 * Follows pthread_setname_np(3).
 */
#include "lib/expect.h"
#include "lib/gate.h"

static struct gate named, gate;

static const char *name_of(pthread_t thread)
{
    static char name[16];
    OK(pthread_getname_np(thread, name, sizeof name));
    return name;
}

static void *name_self(void *unused)
{
    printf("thread, at first: %s\n", name_of(pthread_self()));
    show("thread names itself", pthread_setname_np(pthread_self(), "self-named"));
    printf("thread: %s\n", name_of(pthread_self()));
    gate_open(&named);
    gate_wait(&gate);
    printf("thread, after the gate: %s\n", name_of(pthread_self()));
    return unused;
}

int main(void)
{
    named = gate_make();
    gate = gate_make();
    printf("main, at first: %s\n", name_of(pthread_self()));
    show("main names itself", pthread_setname_np(pthread_self(), "fifteen-letters"));
    printf("main: %s\n", name_of(pthread_self()));
    show("a name too long", pthread_setname_np(pthread_self(), "sixteen-letters-"));

    char small[8];
    show("a buffer too small", pthread_getname_np(pthread_self(), small, sizeof small));

    pthread_t thread = start_thread(name_self, NULL);
    gate_wait(&named);
    printf("main sees: %s\n", name_of(thread));
    show("main names it", pthread_setname_np(thread, "named by main"));
    printf("main, still: %s\n", name_of(pthread_self()));
    gate_open(&gate);
    join_thread(thread);
    return 0;
}
