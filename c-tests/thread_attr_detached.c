/*
 * thread_attr_detached: attributes are read back as set, and a thread created
 * detached runs to its end and cannot be joined.
 * Follows pthread_attr_setdetachstate(3), pthread_attr_init(3).
 */
#include "lib/expect.h"
#include "lib/gate.h"

#include <semaphore.h>

enum { THREADS = 100 };

static struct gate gate;
static sem_t done;

static void *run(void *unused)
{
    gate_wait(&gate);
    SYS(sem_post(&done));
    return unused;
}

static void show_state(const pthread_attr_t *attributes)
{
    int state;
    OK(pthread_attr_getdetachstate(attributes, &state));
    printf("state: %s\n", state == PTHREAD_CREATE_DETACHED ? "detached" : "joinable");
}

int main(void)
{
    SYS(sem_init(&done, 0, 0));
    gate = gate_make();
    pthread_attr_t attributes;
    OK(pthread_attr_init(&attributes));
    show_state(&attributes);
    OK(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED));
    show_state(&attributes);
    show("unknown state", pthread_attr_setdetachstate(&attributes, 99));

    pthread_t thread;
    for (int i = 0; i < THREADS; i++)
        OK(pthread_create(&thread, &attributes, run, NULL));
    show("join", pthread_join(thread, NULL));
    show("detach", pthread_detach(thread));
    gate_open(&gate);
    for (int i = 0; i < THREADS; i++)
        SYS(sem_wait(&done));
    printf("%d detached threads ran\n", THREADS);
    return 0;
}
