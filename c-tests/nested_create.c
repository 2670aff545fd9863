/*
 * nested_create: threads create threads that create threads, three levels
 * deep; each parent joins its children and adds up their values.
 * Follows pthread_create(3), pthread_join(3).
 */
#include "lib/expect.h"

enum { CHILDREN = 6, LEVELS = 3 };

/* The value is the number of threads in this subtree, itself included. */
static void *grow(void *argument)
{
    intptr_t level = (intptr_t)argument;
    intptr_t size = 1;
    if (level < LEVELS) {
        pthread_t children[CHILDREN];
        for (int i = 0; i < CHILDREN; i++)
            children[i] = start_thread(grow, (void *)(level + 1));
        for (int i = 0; i < CHILDREN; i++)
            size += (intptr_t)join_thread(children[i]);
    }
    return (void *)size;
}

/* A child can also outlive its parent and be joined by its grandparent. */
static void *leave_child(void *slot)
{
    *(pthread_t *)slot = start_thread(grow, (void *)(intptr_t)LEVELS);
    return NULL;
}

int main(void)
{
    intptr_t size = (intptr_t)join_thread(start_thread(grow, (void *)1));
    printf("%d levels of %d: %ld threads\n", LEVELS, CHILDREN, (long)size);
    EXPECT(size == 1 + CHILDREN + CHILDREN * CHILDREN);

    pthread_t grandchild;
    join_thread(start_thread(leave_child, &grandchild));
    printf("grandchild: %ld thread\n", (long)(intptr_t)join_thread(grandchild));
    return 0;
}
