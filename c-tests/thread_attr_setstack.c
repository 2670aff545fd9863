/*
 * thread_attr_setstack: a thread runs on the memory the program gave it, which
 * stays the program's own: it can be used again after join.
 * Follows pthread_attr_setstack(3).
 */
#include "lib/expect.h"
#include "lib/gate.h"

#include <sys/mman.h>

enum { SIZE = 256 << 10 };

static struct gate gate;
static char *stack;

static void *look_at_local(void *unused)
{
    (void)unused;
    char local[1024];
    memset(local, 1, sizeof local);
    gate_wait(&gate);
    int within = local >= stack && local + sizeof local <= stack + SIZE;
    return (void *)(intptr_t)within;
}

int main(void)
{
    stack = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    EXPECT(stack != MAP_FAILED);

    pthread_attr_t attributes;
    OK(pthread_attr_init(&attributes));
    show("too small", pthread_attr_setstack(&attributes, stack, 4096));
    show("set", pthread_attr_setstack(&attributes, stack, SIZE));
    void *address;
    size_t size;
    OK(pthread_attr_getstack(&attributes, &address, &size));
    printf("read back: %s\n", address == stack && size == SIZE ? "the same" : "another");

    for (int round = 1; round <= 3; round++) {
        gate = gate_make();
        pthread_t thread;
        OK(pthread_create(&thread, &attributes, look_at_local, NULL));
        gate_open(&gate);
        int within = (int)(intptr_t)join_thread(thread);
        printf("round %d: local on the given stack: %s\n", round, within ? "yes" : "no");
        EXPECT(within);
        memset(stack, 0xa5, SIZE);
    }
    SYS(munmap(stack, SIZE));
    return 0;
}
