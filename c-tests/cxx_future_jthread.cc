/*
 * cxx_future_jthread: std::async, std::promise, std::packaged_task and futures
 * wait for each other, time out and carry exceptions; a std::jthread is stopped
 * by its token and joined by its destructor.
 * Follows C++20, [futures] and [thread.jthread.class].
 * test: cflags=-std=c++20
 */
#include "lib/expect.h"
#include "lib/gate.h"

#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

enum { THREADS = 10 };

using namespace std::chrono_literals;

static void asyncs()
{
    gate gate = gate_make();
    std::vector<std::future<int>> futures;
    for (int i = 0; i < THREADS; i++)
        futures.push_back(std::async(std::launch::async, [&gate, i] {
            gate_wait(&gate);
            return i * i;
        }));
    EXPECT(futures[0].wait_for(0ms) == std::future_status::timeout);
    EXPECT(futures[0].wait_for(20ms) == std::future_status::timeout);
    gate_open(&gate);
    EXPECT(futures[0].wait_for(60s) == std::future_status::ready);
    int sum = 0;
    for (std::future<int> &future : futures)
        sum += future.get();
    printf("async: sum %d\n", sum);
    auto deferred = std::async(std::launch::deferred, [] { return std::this_thread::get_id(); });
    EXPECT(deferred.wait_for(0ms) == std::future_status::deferred);
    EXPECT(deferred.get() == std::this_thread::get_id());
}

static void promises()
{
    std::promise<std::string> promise;
    std::shared_future<std::string> shared = promise.get_future().share();
    std::vector<std::future<size_t>> lengths;
    for (int i = 0; i < THREADS; i++)
        lengths.push_back(std::async(std::launch::async, [shared] { return shared.get().size(); }));
    std::thread keeper([&promise] { promise.set_value("twelve chars"); });
    size_t sum = 0;
    for (auto &length : lengths)
        sum += length.get();
    keeper.join();
    printf("promise: %zu characters seen\n", sum);

    std::promise<void> at_exit;
    std::thread ending([&at_exit] { at_exit.set_value_at_thread_exit(); });
    at_exit.get_future().get();
    ending.join();
    puts("promise kept at the thread's end");
}

static void exceptions()
{
    auto thrower = std::async(std::launch::async, []() -> int { throw std::runtime_error("thrown there"); });
    try {
        thrower.get();
        puts("nothing thrown: wrong");
    } catch (const std::runtime_error &error) {
        printf("async: %s\n", error.what());
    }
    std::future<int> broken;
    std::thread([&broken] {
        std::promise<int> promise;
        broken = promise.get_future();
    }).join();
    try {
        broken.get();
        puts("nothing thrown: wrong");
    } catch (const std::future_error &error) {
        printf("promise: broken: %s\n",
               error.code() == std::future_errc::broken_promise ? "yes" : "no");
    }
    std::packaged_task<int(int)> task([](int number) { return number + 1; });
    std::future<int> result = task.get_future();
    std::thread runner(std::move(task), 41);
    printf("packaged_task: %d\n", result.get());
    runner.join();
}

static void stops()
{
    std::mutex mutex;
    std::condition_variable_any condition;
    int woken = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < THREADS; i++)
            threads.emplace_back([&](std::stop_token token) {
                std::unique_lock lock(mutex);
                EXPECT(!condition.wait(lock, token, [] { return false; }));
                woken++;
            });
        std::this_thread::yield();
    } /* each destructor requests the stop and joins */
    printf("jthread: %d stopped in a wait\n", woken);

    std::promise<void> called;
    std::jthread looping([&called](std::stop_token token) {
        std::stop_callback callback(token, [&called] { called.set_value(); });
        while (!token.stop_requested())
            std::this_thread::yield();
    });
    EXPECT(looping.request_stop() && !looping.request_stop());
    called.get_future().get();
    looping.join();
    puts("jthread: stopped in a loop, callback called");
}

int main()
{
    asyncs();
    promises();
    exceptions();
    stops();
    return 0;
}
