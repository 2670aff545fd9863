/*
 * create_from_constructor: a library's constructor creates a thread before
 * main, and before the constructors of libraries loaded earlier in the search
 * order may have run; main talks to that thread and joins it.
 * Follows pthread_create(3), dlopen(3), "Initialization and finalization
 * functions".
 *
 * test: lib=constructor_thread.c
 */
#include "lib/expect.h"
#include "lib/constructor_thread.h"

int main(void)
{
    printf("the constructor met its thread: %s\n", constructor_met ? "yes" : "no");
    EXPECT(constructor_met);
    for (char sent = 'a'; sent <= 'z'; sent++) {
        char received;
        SYS(write(constructor_request, &sent, 1));
        SYS(read(constructor_reply, &received, 1));
        EXPECT(received == sent);
    }
    SYS(close(constructor_request));
    printf("it echoed %ld bytes\n", (long)(intptr_t)join_thread(constructor_thread));
    return 0;
}
