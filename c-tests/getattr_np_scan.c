/* A conservative collector finds by pthread_getattr_np what threads have on
 * their stacks: all of it can be read, from a local variable of the deepest call
 * to the end that is told, and holds the pointers of every call in between, also
 * of threads that wait, of main, and of one on memory of the program's own; two
 * threads' stacks never overlap: pthread_getattr_np(3), pthread_attr_getstack(3).
 */
#include "lib/check.h"
#include <semaphore.h>
#include <stdint.h>

enum { THREADS = 6, DEPTH = 40, OWN_SIZE = 256 << 10 };

struct scanned {
    pthread_t thread;
    char *low, *high, *deepest;
    uintptr_t pattern;
    int detached;
};

static struct scanned scanned[THREADS + 1];
static int quiet[2];
static sem_t deep;

/* DEPTH calls with one value each, in memory. */
__attribute__((noinline)) static void descend(struct scanned *self, int depth)
{
    volatile uintptr_t value = self->pattern + (uintptr_t)depth;
    if (depth + 1 < DEPTH) {
        descend(self, depth + 1);
    } else {
        self->deepest = __builtin_frame_address(0);
        self->deepest = (char *)&value < self->deepest ? (char *)&value : self->deepest;
        CHECK(sem_post(&deep) == 0);
        if (self != &scanned[THREADS])
            CHECK(take(quiet[0]) == 'x');
    }
    CHECK(value == self->pattern + (uintptr_t)depth);
}

static void *wait_deep(void *self)
{
    descend(self, 0);
    return NULL;
}

static void look_up(struct scanned *self)
{
    pthread_attr_t attributes;
    void *low;
    size_t size;
    CHECK(pthread_getattr_np(self->thread, &attributes) == 0);
    CHECK(pthread_attr_getstack(&attributes, &low, &size) == 0);
    CHECK(pthread_attr_getdetachstate(&attributes, &self->detached) == 0);
    CHECK(pthread_attr_destroy(&attributes) == 0);
    self->low = low;
    self->high = (char *)low + size;
}

static int found(const struct scanned *self)
{
    int count = 0;
    char seen[DEPTH] = { 0 };
    CHECK(self->deepest >= self->low && self->deepest < self->high);
    uintptr_t first = ((uintptr_t)self->deepest + 7) & ~(uintptr_t)7;
    for (uintptr_t at = first; at + 8 <= (uintptr_t)self->high; at += 8) {
        uintptr_t value = *(volatile uintptr_t *)at, depth = value - self->pattern;
        if (depth < DEPTH && !seen[depth])
            seen[depth] = 1, count++;
    }
    return count;
}

static void report(const char *name, const struct scanned *self)
{
    printf("%s: %d of %d found, %s\n", name, found(self), DEPTH,
           self->detached == PTHREAD_CREATE_DETACHED ? "detached" : "joinable");
}

int main(void)
{
    static char own[OWN_SIZE] __attribute__((aligned(4096)));
    struct scanned *with_own = &scanned[THREADS - 1], *with_main = &scanned[THREADS];
    pthread_attr_t attributes;
    CHECK(pipe(quiet) == 0 && sem_init(&deep, 0, 0) == 0);
    CHECK(pthread_attr_init(&attributes) == 0);
    for (int i = 0; i <= THREADS; i++) {
        struct scanned *one = &scanned[i];
        one->pattern = 0x5ca11ab1e0000000u + (uintptr_t)i * 0x10000;
        if (one == with_main) {
            one->thread = pthread_self();
            descend(one, 0);
        } else {
            CHECK(pthread_attr_setdetachstate(&attributes, i == 2 ? PTHREAD_CREATE_DETACHED
                                              : PTHREAD_CREATE_JOINABLE) == 0);
            if (one == with_own)
                CHECK(pthread_attr_setstack(&attributes, own, OWN_SIZE) == 0);
            CHECK(pthread_create(&one->thread, &attributes, wait_deep, one) == 0);
        }
        CHECK(sem_wait(&deep) == 0);
        look_up(one);
    }
    others_run();
    for (int i = 0; i < THREADS - 1; i++)
        report("a thread that waits", &scanned[i]);
    report("one on memory of its own", with_own);
    printf("  bounds as given: %s\n",
           with_own->low == own && with_own->high == own + OWN_SIZE ? "yes" : "no");

    int overlaps = 0;
    for (int i = 0; i <= THREADS; i++)
        for (int j = 0; j < i; j++)
            overlaps += scanned[i].low < scanned[j].high && scanned[j].low < scanned[i].high;
    printf("overlaps: %d, main's local within: %s\n", overlaps,
           (char *)&overlaps >= with_main->low && (char *)&overlaps < with_main->high
           ? "yes" : "no");
    for (int i = 0; i < THREADS; i++)
        give(quiet[1], 'x');
    for (int i = 0; i < THREADS; i++)
        if (i != 2)
            join(scanned[i].thread);
    return 0;
}
