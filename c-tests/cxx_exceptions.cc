/*
 * cxx_exceptions: many threads throw and catch at once, with yields and
 * blocking reads between throw, unwinding and catch; every thread catches its
 * own, and its nested and uncaught-exception state is its own.
 * Follows the Itanium C++ ABI (__cxa_get_globals is per thread).
 */
#include "lib/expect.h"

#include <exception>
#include <sched.h>
#include <stdexcept>
#include <string>

enum { THREADS = 12, ROUNDS = 300 };

static int pipe_ends[2];

static void block_for_a_byte()
{
    char byte = 'x';
    SYS(write(pipe_ends[1], &byte, 1));
    SYS(read(pipe_ends[0], &byte, 1));
}

struct Yielder {
    int &unwound;
    ~Yielder()
    {
        EXPECT(std::uncaught_exceptions() == 1);
        sched_yield();
        EXPECT(std::uncaught_exceptions() == 1);
        unwound++;
    }
};

static void throw_deep(int depth, int &unwound, const std::string &text)
{
    Yielder yielder{unwound};
    if (depth == 0) {
        sched_yield();
        throw std::runtime_error(text);
    }
    throw_deep(depth - 1, unwound, text);
}

static bool throws_and_catches(const std::string &text, bool block)
{
    int unwound = 0;
    bool caught = false;
    try {
        throw_deep(3, unwound, text);
    } catch (const std::runtime_error &outer) {
        if (block)
            block_for_a_byte();
        else
            sched_yield();
        try {
            throw std::logic_error("inner " + text);
        } catch (const std::logic_error &inner) {
            sched_yield();
            caught = inner.what() == "inner " + text;
        }
        try {
            throw; /* outer again */
        } catch (const std::exception &again) {
            sched_yield();
            caught &= again.what() == text && outer.what() == text;
        }
    }
    return caught && unwound == 4 && !std::current_exception();
}

static void *work(void *argument)
{
    intptr_t number = reinterpret_cast<intptr_t>(argument);
    intptr_t right = 0;
    for (int round = 0; round < ROUNDS; round++) {
        std::string text = "thread " + std::to_string(number) + " round " + std::to_string(round);
        right += throws_and_catches(text, round % 10 == 0);
    }
    return reinterpret_cast<void *>(right);
}

int main()
{
    SYS(pipe(pipe_ends));
    pthread_t threads[THREADS];
    for (intptr_t i = 0; i < THREADS; i++)
        threads[i] = start_thread(work, reinterpret_cast<void *>(i));
    for (int i = 0; i < THREADS; i++) {
        long right = reinterpret_cast<intptr_t>(join_thread(threads[i]));
        printf("thread %d: %ld of %d rounds right\n", i, right, ROUNDS);
        EXPECT(right == ROUNDS);
    }
    return 0;
}
