/* A thread uses up its stack. With an argument there is a SIGSEGV handler, which has no other stack to run on. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static void handle(int number)
{
    (void)number;
    _exit(1);
}

static __attribute__((noinline)) int dig(volatile char *above)
{
    volatile char frame[500];
    frame[0] = above[0];
    if (frame[0] == 0)
        return 0;
    return dig(frame) + frame[0];
}

void *work(void *unused)
{
    volatile char first = 1;
    pthread_setname_np(pthread_self(), "digger");
    printf("%d\n", dig(&first));
    return unused;
}

int main(int count, char **arguments)
{
    pthread_attr_t attributes;
    pthread_t thread;
    (void)arguments;
    if (count > 1)
        signal(SIGSEGV, handle);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 << 10);
    pthread_create(&thread, &attributes, work, NULL);
    pthread_join(thread, NULL);
    return 0;
}
