/*
 * cxx_std_thread: the C++ standard library's threads, mutexes, condition
 * variables, futures and call_once, including a callable that throws and is
 * tried again by the next caller.
 * Follows the C++ standard, [thread]; pthread_once(3posix) underneath.
 */
#include "lib/expect.h"

#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <numeric>
#include <queue>
#include <shared_mutex>
#include <stdexcept>
#include <thread>
#include <vector>

static void threads_and_mutex()
{
    std::mutex mutex;
    long counter = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; i++)
        threads.emplace_back([&] {
            for (int round = 0; round < 1000; round++) {
                std::lock_guard<std::mutex> guard(mutex);
                long seen = counter;
                if (round % 16 == 0)
                    std::this_thread::yield();
                counter = seen + 1;
            }
        });
    for (auto &thread : threads)
        thread.join();
    printf("mutex: counted %ld\n", counter);
    EXPECT(counter == 8000);
}

static void condition_variable()
{
    std::mutex mutex;
    std::condition_variable changed;
    std::queue<int> queue;
    long sum = 0;
    std::thread consumer([&] {
        for (;;) {
            std::unique_lock<std::mutex> lock(mutex);
            changed.wait(lock, [&] { return !queue.empty(); });
            int item = queue.front();
            queue.pop();
            if (item < 0)
                return;
            sum += item;
        }
    });
    for (int i = 1; i <= 1001; i++) {
        std::lock_guard<std::mutex> guard(mutex);
        queue.push(i <= 1000 ? i : -1);
        changed.notify_one();
    }
    consumer.join();
    printf("condition_variable: sum %ld\n", sum);
    EXPECT(sum == 500500);
}

static void time_outs()
{
    using namespace std::chrono;
    std::mutex mutex;
    std::condition_variable never;
    std::unique_lock<std::mutex> lock(mutex);
    auto started = steady_clock::now();
    bool met = never.wait_for(lock, milliseconds(50), [] { return false; });
    bool long_enough = steady_clock::now() - started >= milliseconds(50);
    printf("wait_for: %s, long enough: %s\n", met ? "met" : "timed out", long_enough ? "yes" : "no");
    EXPECT(!met && long_enough);

    std::timed_mutex timed;
    timed.lock();
    bool got = true;
    std::thread([&] { got = timed.try_lock_for(milliseconds(50)); }).join();
    printf("try_lock_for: %s\n", got ? "locked" : "timed out");
    EXPECT(!got);
    timed.unlock();
}

static void call_once()
{
    std::once_flag flag;
    std::mutex mutex;
    int attempts = 0, caught = 0, returned = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 10; i++)
        threads.emplace_back([&] {
            try {
                std::call_once(flag, [&] {
                    std::this_thread::yield();
                    if (++attempts < 4)
                        throw std::runtime_error("not yet");
                });
                std::lock_guard<std::mutex> guard(mutex);
                returned++;
            } catch (const std::runtime_error &) {
                std::lock_guard<std::mutex> guard(mutex);
                caught++;
            }
        });
    for (auto &thread : threads)
        thread.join();
    printf("call_once: %d attempts, %d threw, %d returned\n", attempts, caught, returned);
    EXPECT(attempts == 4 && caught == 3 && returned == 7);
}

static void futures()
{
    std::promise<int> promise;
    std::future<int> twice = std::async(std::launch::async, [future = promise.get_future()]() mutable {
        return 2 * future.get();
    });
    promise.set_value(21);
    printf("async: %d\n", twice.get());

    std::future<void> failing = std::async(std::launch::async, [] { throw std::runtime_error("lost"); });
    try {
        failing.get();
        EXPECT(!"no exception");
    } catch (const std::runtime_error &error) {
        printf("async: caught \"%s\"\n", error.what());
    }
}

static void shared_mutex()
{
    std::shared_mutex mutex;
    std::vector<int> numbers(100, 1);
    bool consistent = true;
    auto read = [&] {
        for (int round = 0; round < 200; round++) {
            std::shared_lock<std::shared_mutex> lock(mutex);
            if (std::accumulate(numbers.begin(), numbers.end(), 0) % 100 != 0)
                consistent = false;
            std::this_thread::yield();
        }
    };
    auto write = [&] {
        for (int round = 0; round < 200; round++) {
            std::unique_lock<std::shared_mutex> lock(mutex);
            for (size_t i = 0; i < numbers.size(); i++) {
                numbers[i]++;
                if (i == 50)
                    std::this_thread::yield();
            }
        }
    };
    std::thread first(read), second(read), writer(write);
    first.join();
    second.join();
    writer.join();
    printf("shared_mutex: %s, last value %d\n", consistent ? "consistent" : "torn", numbers[0]);
    EXPECT(consistent && numbers[99] == 201);
}

int main()
{
    threads_and_mutex();
    condition_variable();
    time_outs();
    call_once();
    futures();
    shared_mutex();
    return 0;
}
