/*
 * cxx_atomic_wait: notify_one lets one waiter go on and notify_all the rest, for
 * values of every size, pointers and atomic_ref; a wait for another value than
 * the present one does not wait; arrive_and_drop makes a barrier smaller; a
 * semaphore's release of several lets as many in.
 * Follows C++20, [atomics.wait], [thread.barrier] and [thread.sema].
 * test: cflags=-std=c++20
 */
#include "lib/expect.h"

#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <semaphore>
#include <thread>
#include <vector>

enum { THREADS = 5 };

/* Each takes one from the value, or waits while there is none. */
template <typename Value> static void hand_out(const char *name)
{
    std::atomic<Value> value = 0;
    std::atomic<int> taken = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < THREADS; i++)
        threads.emplace_back([&] {
            Value seen = value;
            for (;;) {
                if (seen == 0) {
                    value.wait(0);
                    seen = value;
                } else if (value.compare_exchange_weak(seen, static_cast<Value>(seen - 1))) {
                    break;
                }
            }
            taken++;
        });
    for (int i = 1; i <= 2; i++) {
        value++;
        value.notify_one();
        while (taken < i)
            std::this_thread::yield();
    }
    EXPECT(taken == 2);
    value += THREADS - 2;
    value.notify_all();
    for (std::thread &thread : threads)
        thread.join();
    value.wait(1);
    printf("%s: %d taken, %d left\n", name, taken.load(), static_cast<int>(value));
}

static void pointers()
{
    static int first, second;
    std::atomic<int *> pointer = &first;
    std::atomic<bool> flag = false;
    long plain = 0;
    std::thread waiter([&] {
        pointer.wait(&first);
        EXPECT(pointer == &second);
        flag = true;
        flag.notify_one();
        std::atomic_ref<long> reference(plain);
        reference.wait(0);
        EXPECT(reference == 7);
    });
    pointer = &second;
    pointer.notify_all();
    flag.wait(false);
    std::atomic_ref<long> reference(plain);
    reference = 7;
    reference.notify_one();
    waiter.join();
    puts("pointer, bool and atomic_ref: passed on");
}

/* One more leaves after each phase. */
static void drop()
{
    std::barrier barrier(THREADS);
    std::atomic<int> phases = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < THREADS; i++)
        threads.emplace_back([&, i] {
            for (int phase = 0; phase < i; phase++) {
                phases++;
                auto token = barrier.arrive();
                std::this_thread::yield();
                barrier.wait(std::move(token));
            }
            barrier.arrive_and_drop();
        });
    for (std::thread &thread : threads)
        thread.join();
    printf("arrive_and_drop: %d arrivals\n", phases.load());
}

static void release_many()
{
    std::counting_semaphore<100> semaphore(0);
    std::atomic<int> in = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < THREADS; i++)
        threads.emplace_back([&] {
            semaphore.acquire();
            in++;
        });
    semaphore.release(2);
    while (in < 2)
        std::this_thread::yield();
    EXPECT(!semaphore.try_acquire());
    EXPECT(!semaphore.try_acquire_until(std::chrono::steady_clock::now() - std::chrono::hours(1)));
    EXPECT(in == 2);
    semaphore.release(THREADS);
    for (std::thread &thread : threads)
        thread.join();
    bool two = semaphore.try_acquire() && semaphore.try_acquire();
    printf("release: %d in, two left: %s\n", in.load(), two && !semaphore.try_acquire() ? "yes" : "no");
}

int main()
{
    hand_out<std::int8_t>("1 byte");
    hand_out<std::int16_t>("2 bytes");
    hand_out<std::int32_t>("4 bytes");
    hand_out<std::int64_t>("8 bytes");
    pointers();
    drop();
    release_many();
    return 0;
}
