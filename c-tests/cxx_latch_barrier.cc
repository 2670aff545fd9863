/*
 * cxx_latch_barrier: std::latch, std::barrier, std::counting_semaphore and
 * std::atomic::wait, all made of bare futex calls, work among threads and hold
 * up nobody else.
 * Follows C++20, [thread.coord], [thread.sema] and [atomics.wait]; futex(2).
 * test: cflags=-std=c++20
 */
#include "lib/expect.h"
#include "lib/gate.h"

#include <atomic>
#include <barrier>
#include <chrono>
#include <latch>
#include <semaphore>
#include <thread>
#include <vector>

enum { THREADS = 6, ROUNDS = 200 };

using namespace std::chrono_literals;

static std::vector<std::thread> start_threads(auto body)
{
    std::vector<std::thread> threads;
    for (int i = 0; i < THREADS; i++)
        threads.emplace_back(body, i);
    return threads;
}

static void join_all(std::vector<std::thread> &threads)
{
    for (std::thread &thread : threads)
        thread.join();
}

/* The last arrival comes late, from a thread that blocked in read. */
static void latches()
{
    gate gate = gate_make();
    std::latch ready(THREADS), go(1);
    std::atomic<int> passed = 0;
    auto threads = start_threads([&](int number) {
        if (number == 0)
            gate_wait(&gate);
        ready.arrive_and_wait();
        go.wait();
        passed++;
    });
    EXPECT(!ready.try_wait());
    gate_open(&gate);
    ready.wait();
    EXPECT(passed == 0);
    go.count_down();
    join_all(threads);
    printf("latch: %d passed\n", passed.load());
}

/* The completion function runs alone, and before anybody goes on. */
static void barriers()
{
    int phases = 0;
    long sum = 0;
    int values[THREADS] = {};
    std::barrier barrier(THREADS, [&]() noexcept {
        phases++;
        sum = 0;
        for (int value : values)
            sum += value;
    });
    auto threads = start_threads([&](int number) {
        for (int round = 1; round <= ROUNDS; round++) {
            if (round % 3 == number % 3)
                std::this_thread::yield();
            values[number] = round;
            barrier.arrive_and_wait();
            EXPECT(phases == 2 * round - 1 && sum == round * THREADS);
            barrier.arrive_and_wait();
        }
    });
    join_all(threads);
    printf("barrier: %d phases\n", phases);
    EXPECT(phases == 2 * ROUNDS);
}

static void semaphores()
{
    std::counting_semaphore<3> places(3);
    std::binary_semaphore filled(0), emptied(1);
    std::atomic<int> inside = 0, most = 0;
    auto threads = start_threads([&](int) {
        for (int round = 0; round < ROUNDS; round++) {
            places.acquire();
            int now = ++inside, before = most;
            while (before < now && !most.compare_exchange_weak(before, now))
                ;
            std::this_thread::yield();
            inside--;
            places.release();
        }
    });
    join_all(threads);
    printf("counting_semaphore: never more than 3: %s\n", most <= 3 ? "yes" : "no");
    EXPECT(most <= 3 && most > 0);

    EXPECT(!filled.try_acquire());
    EXPECT(!filled.try_acquire_for(20ms));
    long sum = 0, item = 0;
    std::thread consumer([&] {
        for (int i = 0; i < ROUNDS; i++) {
            filled.acquire();
            sum += item;
            emptied.release();
        }
    });
    for (int i = 1; i <= ROUNDS; i++) {
        EXPECT(emptied.try_acquire_for(60s));
        item = i;
        filled.release();
    }
    consumer.join();
    printf("binary_semaphore: sum %ld\n", sum);
    EXPECT(sum == ROUNDS * (ROUNDS + 1) / 2);
}

/* The types differ in how libstdc++ waits: on the value itself, or beside it. */
template <typename Integer> static void atomics(const char *name)
{
    std::atomic<Integer> turn = 0;
    std::atomic<int> moves = 0;
    auto threads = start_threads([&](int number) {
        for (int round = 0; round < 20; round++) {
            for (Integer seen; (seen = turn.load()) % THREADS != number;)
                turn.wait(seen);
            moves++;
            turn = static_cast<Integer>((turn + 1) % THREADS);
            turn.notify_all();
        }
    });
    join_all(threads);
    printf("atomic<%s>: %d moves\n", name, moves.load());
    EXPECT(moves == 20 * THREADS);
}

static void flags()
{
    gate gate = gate_make();
    std::atomic_flag flag = ATOMIC_FLAG_INIT;
    std::atomic<int> woken = 0;
    auto threads = start_threads([&](int number) {
        if (number == 0) {
            gate_wait(&gate);
            flag.test_and_set();
            flag.notify_all();
        }
        flag.wait(false);
        woken++;
    });
    gate_open(&gate);
    join_all(threads);
    printf("atomic_flag: %d woken\n", woken.load());
}

int main()
{
    latches();
    barriers();
    semaphores();
    atomics<int>("int");
    atomics<long>("long");
    atomics<unsigned char>("unsigned char");
    flags();
    return 0;
}
