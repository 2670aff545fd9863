/* Stacks and guards that no address space can hold: the attribute is accepted,
 * the creation fails, and the next ordinary thread starts as if nothing had
 * happened: pthread_attr_setstacksize(3), pthread_attr_setguardsize(3),
 * pthread_create(3).
 */
#include "lib/check.h"
#include <stdint.h>

#define TIB ((size_t)1 << 40)

static void *echo(void *argument)
{
    char local[2000];
    memset(local, 7, sizeof local);
    __asm__ volatile("" : : "r"(local) : "memory");
    return argument;
}

/* Tries twice, and has ordinary threads run between and after. */
static void try_sizes(const char *name, size_t stack, size_t guard)
{
    pthread_attr_t attributes;
    pthread_t thread;
    CHECK(pthread_attr_init(&attributes) == 0);
    int set_stack = stack ? pthread_attr_setstacksize(&attributes, stack) : 0;
    int set_guard = guard ? pthread_attr_setguardsize(&attributes, guard) : 0;
    printf("%s: set: %s and %s, create:", name, errno_name(set_stack),
           errno_name(set_guard));
    for (int i = 0; i < 2; i++) {
        int error = pthread_create(&thread, &attributes, echo, NULL);
        printf(" %s", errno_name(error));
        CHECK(error != 0);
        CHECK(join(start(echo, &thread)) == &thread);
    }
    puts("");
    CHECK(pthread_attr_destroy(&attributes) == 0);
    others_run();
}

/* Where memory may be promised beyond what there is, this much can be had. */
static void try_a_tebibyte(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setstacksize(&attributes, TIB) == 0);
    int error = pthread_create(&thread, &attributes, echo, NULL);
    CHECK(error == 0 || error == EAGAIN);
    if (error == 0)
        CHECK(join(thread) == NULL);
    CHECK(pthread_attr_destroy(&attributes) == 0);
    others_run();
    puts("1 TiB: a thread, or EAGAIN");
}

int main(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    try_a_tebibyte();
    try_sizes("1 PiB", 1024 * TIB, 0);
    try_sizes("half of all", SIZE_MAX / 2 + 1, 0);
    try_sizes("all but a MiB", SIZE_MAX - (1 << 20) + 1, 0);
    try_sizes("all but a page", SIZE_MAX - page + 1, 0);
    try_sizes("all", SIZE_MAX, 0);
    try_sizes("half of all, no guard to speak of", SIZE_MAX / 2 + 1, 1);
    try_sizes("guard of 1 PiB in 64 KiB", 64 << 10, 1024 * TIB);
    try_sizes("guard of half of all", 0, SIZE_MAX / 2 + 1);
    try_sizes("guard of all but a page", 0, SIZE_MAX - page + 1);
    try_sizes("guard of all", 0, SIZE_MAX);
    try_sizes("both half", SIZE_MAX / 2 + 1, SIZE_MAX / 2 + 1);
    return 0;
}
