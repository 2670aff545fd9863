/* A thread that is not main uses up its stack, and a SIGSEGV handler on its
 * alternate stack jumps back: the thread goes on, waits for others, and can do
 * it again. So can the next thread: sigaltstack(2), sigsetjmp(3).
 */
#include "lib/overflow.h"

enum { THREADS = 3, TIMES = 3 };

static void *come_back(void *argument)
{
    own_alternate_stack();
    for (int i = 0; i < TIMES; i++) {
        overflow();
        others_run();
    }
    free_alternate_stack();
    return argument;
}

int main(void)
{
    pthread_attr_t attributes;
    handle_overflow();
    CHECK(pthread_attr_init(&attributes) == 0 && pthread_attr_setstacksize(&attributes, STACK) == 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, &attributes, come_back, NULL) == 0);
        join(thread);
        printf("thread %d came back %d times\n", i, TIMES);
    }
    return 0;
}
