/*
 * cancel_cxx: cancelling a thread unwinds its C++ frames: destructors run,
 * inner ones first, catch (...) and catch (abi::__forced_unwind &) see it and
 * pass it on, no other clause does, and no object is left.
 * Follows pthread_cancel(3); <cxxabi.h>, abi::__forced_unwind.
 */
#include "lib/expect.h"

#include <cxxabi.h>
#include <exception>
#include <sched.h>
#include <semaphore.h>
#include <string>
#include <vector>

enum { THREADS = 50 };

static int quiet[2], rest[2];
static sem_t about_to_wait, never;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static bool talk = true;
static int objects, caught;

/* Its destructor waits: others run in the middle of the unwinding. */
struct Counted {
    std::string name;
    explicit Counted(std::string text) : name(std::move(text))
    {
        __atomic_add_fetch(&objects, 1, __ATOMIC_SEQ_CST);
    }
    ~Counted()
    {
        char byte = 'x';
        SYS(write(rest[1], &byte, 1));
        SYS(read(rest[0], &byte, 1));
        sched_yield();
        __atomic_sub_fetch(&objects, 1, __ATOMIC_SEQ_CST);
        if (talk)
            printf("  destroy %s\n", name.c_str());
    }
};

struct Lock {
    Lock() { OK(pthread_mutex_lock(&mutex)); }
    ~Lock() { OK(pthread_mutex_unlock(&mutex)); }
};

static void in_read()
{
    char byte;
    while (read(quiet[0], &byte, 1) >= 0)
        ;
}

static void in_sem_wait()
{
    sem_wait(&never);
}

static void in_cond_wait()
{
    Lock lock;
    for (;;)
        OK(pthread_cond_wait(&condition, &mutex));
}

static void in_testcancel()
{
    for (;;) {
        pthread_testcancel();
        sched_yield();
    }
}

static const struct Place {
    const char *name;
    void (*wait)();
} places[] = {
    {"read", in_read},
    {"sem_wait", in_sem_wait},
    {"pthread_cond_wait", in_cond_wait},
    {"pthread_testcancel", in_testcancel},
};

static void inner(const Place &place)
{
    std::vector<Counted> two;
    two.reserve(2);
    two.emplace_back("in a vector");
    Counted counted("inner");
    SYS(sem_post(&about_to_wait));
    try {
        place.wait();
    } catch (const std::exception &) {
        puts("caught as std::exception: wrong");
    } catch (abi::__forced_unwind &) {
        __atomic_add_fetch(&caught, 1, __ATOMIC_SEQ_CST);
        throw;
    }
    puts("the call returned: wrong");
}

static void *outer(void *argument)
{
    Counted counted("outer");
    try {
        inner(*static_cast<const Place *>(argument));
    } catch (...) {
        __atomic_add_fetch(&caught, 1, __ATOMIC_SEQ_CST);
        throw;
    }
    return NULL;
}

int main()
{
    SYS(pipe(quiet));
    SYS(pipe(rest));
    SYS(sem_init(&about_to_wait, 0, 0));
    SYS(sem_init(&never, 0, 0));
    for (const Place &place : places) {
        printf("%s\n", place.name);
        pthread_t thread = start_thread(outer, const_cast<Place *>(&place));
        SYS(sem_wait(&about_to_wait));
        OK(pthread_cancel(thread));
        EXPECT(join_thread(thread) == PTHREAD_CANCELED);
        EXPECT(objects == 0);
    }
    printf("clauses passed: %d, objects left: %d\n", caught, objects);
    EXPECT(caught == 8);

    talk = false;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = start_thread(outer, const_cast<Place *>(&places[i % 4]));
    for (int i = 0; i < THREADS; i++)
        SYS(sem_wait(&about_to_wait));
    for (int i = 0; i < THREADS; i++)
        OK(pthread_cancel(threads[i]));
    for (int i = 0; i < THREADS; i++)
        EXPECT(join_thread(threads[i]) == PTHREAD_CANCELED);
    printf("%d at once: clauses passed: %d, objects left: %d\n", THREADS, caught, objects);
    EXPECT(caught == 8 + 2 * THREADS && objects == 0);
    return 0;
}
