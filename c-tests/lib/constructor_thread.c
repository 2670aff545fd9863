/*
 * The library of create_from_constructor.
 */
#include "expect.h"

#include "constructor_thread.h"

pthread_t constructor_thread;
int constructor_request, constructor_reply;
int constructor_met;

static pthread_barrier_t barrier;
static int request[2], reply[2];

static void *echo(void *unused)
{
    (void)unused;
    pthread_barrier_wait(&barrier);
    intptr_t count = 0;
    char byte;
    while (SYS(read(request[0], &byte, 1)) == 1) {
        SYS(write(reply[1], &byte, 1));
        count++;
    }
    return (void *)count;
}

__attribute__((constructor)) static void start(void)
{
    SYS(pipe(request));
    SYS(pipe(reply));
    constructor_request = request[1];
    constructor_reply = reply[0];
    OK(pthread_barrier_init(&barrier, NULL, 2));
    constructor_thread = start_thread(echo, NULL);
    pthread_barrier_wait(&barrier);
    constructor_met = 1;
}
