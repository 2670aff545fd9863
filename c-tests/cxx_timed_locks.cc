/*
 * cxx_timed_locks: the C++ locks with time limits on both clocks, recursive and
 * shared ones; scoped_lock of several mutexes in any order deadlocks nobody;
 * condition_variable_any waits with any lock, with a limit and a stop token;
 * notify_all_at_thread_exit tells when the thread is through.
 * Follows C++20, [thread.mutex] and [thread.condition].
 * test: cflags=-std=c++20
 */
#include "lib/expect.h"
#include "lib/gate.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <shared_mutex>
#include <stop_token>
#include <thread>
#include <vector>

enum { THREADS = 5, ROUNDS = 200 };

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using std::chrono::system_clock;

static const char *word(bool yes)
{
    return yes ? "yes" : "no";
}

/* Runs it in another thread, which does not own what the caller has locked. */
static bool elsewhere(auto &&what)
{
    bool result = false;
    std::thread([&] { result = what(); }).join();
    return result;
}

template <typename Mutex> static void timed(const char *name, bool recursive)
{
    Mutex mutex;
    EXPECT(mutex.try_lock_for(60s));
    auto begin = steady_clock::now();
    bool got[] = {
        elsewhere([&] { return mutex.try_lock(); }),
        elsewhere([&] { return mutex.try_lock_for(20ms); }),
        elsewhere([&] { return mutex.try_lock_until(steady_clock::now() + 20ms); }),
        elsewhere([&] { return mutex.try_lock_until(system_clock::now() + 20ms); }),
        elsewhere([&] { return mutex.try_lock_until(system_clock::now() - 1h); }),
    };
    EXPECT(steady_clock::now() - begin >= 60ms);
    printf("%s: held by another: %s %s %s %s %s", name, word(got[0]), word(got[1]), word(got[2]),
           word(got[3]), word(got[4]));
    if (recursive) {
        EXPECT(mutex.try_lock());
        EXPECT(mutex.try_lock_for(0ms));
        mutex.unlock();
        mutex.unlock();
        EXPECT(!elsewhere([&] { return mutex.try_lock(); }));
    }
    std::thread waiter([&] {
        EXPECT(mutex.try_lock_for(1h));
        mutex.unlock();
    });
    std::this_thread::yield();
    mutex.unlock();
    waiter.join();
    printf(", in time: yes\n");
}

static void shared()
{
    std::shared_timed_mutex mutex;
    mutex.lock_shared();
    printf("shared_timed_mutex: shared %s", word(elsewhere([&] {
               bool got = mutex.try_lock_shared_for(60s);
               mutex.unlock_shared();
               return got;
           })));
    printf(", alone %s", word(elsewhere([&] { return mutex.try_lock_for(20ms); })));
    printf(" %s", word(elsewhere([&] { return mutex.try_lock_until(steady_clock::now() + 20ms); })));
    mutex.unlock_shared();
    mutex.lock();
    printf("; held alone: shared %s", word(elsewhere([&] { return mutex.try_lock_shared_for(20ms); })));
    printf(" %s\n", word(elsewhere([&] { return mutex.try_lock_shared_until(system_clock::now() + 20ms); })));
    std::thread waiter([&] { std::shared_lock lock(mutex, 1h); EXPECT(lock.owns_lock()); });
    std::this_thread::yield();
    mutex.unlock();
    waiter.join();
}

/* Every philosopher takes the two forks in an order of his own. */
static void dine()
{
    std::mutex forks[THREADS];
    int meals[THREADS] = {};
    std::vector<std::thread> philosophers;
    for (int i = 0; i < THREADS; i++)
        philosophers.emplace_back([&, i] {
            for (int round = 0; round < ROUNDS; round++) {
                std::mutex &left = forks[i], &right = forks[(i + 1) % THREADS];
                std::scoped_lock both(round % 2 ? left : right, round % 2 ? right : left);
                int before = meals[i];
                if (round % 8 == 0)
                    std::this_thread::yield();
                meals[i] = before + 1;
            }
        });
    for (std::thread &philosopher : philosophers)
        philosopher.join();
    int sum = 0;
    for (int meal : meals)
        sum += meal;
    printf("scoped_lock: %d meals\n", sum);
    EXPECT(sum == THREADS * ROUNDS);
}

static void conditions()
{
    std::shared_mutex mutex;
    std::condition_variable_any changed;
    bool ready = false;
    int seen = 0;
    std::vector<std::thread> readers;
    for (int i = 0; i < THREADS; i++)
        readers.emplace_back([&, i] {
            std::shared_lock lock(mutex);
            if (i % 2)
                EXPECT(changed.wait_for(lock, 1h, [&] { return ready; }));
            else
                changed.wait(lock, [&] { return ready; });
            __atomic_add_fetch(&seen, 1, __ATOMIC_SEQ_CST);
        });
    {
        std::unique_lock lock(mutex);
        EXPECT(!changed.wait_for(lock, 20ms, [&] { return ready; }));
        EXPECT(changed.wait_until(lock, system_clock::now() - 1h) == std::cv_status::timeout);
        ready = true;
    }
    changed.notify_all();
    for (std::thread &reader : readers)
        reader.join();
    printf("condition_variable_any: %d woken\n", seen);

    std::stop_source source;
    bool stopped = false, timed_out = false;
    std::thread waiter([&] {
        std::unique_lock lock(mutex);
        timed_out = !changed.wait_for(lock, source.get_token(), 20ms, [] { return false; });
        stopped = !changed.wait_until(lock, source.get_token(), steady_clock::now() + 1h,
                                      [] { return false; });
    });
    while (!__atomic_load_n(&timed_out, __ATOMIC_SEQ_CST))
        std::this_thread::yield();
    EXPECT(source.request_stop());
    waiter.join();
    printf("with a stop token: timed out %s, stopped %s\n", word(timed_out), word(stopped));
}

/* The thread lets the mutex go at its end, after the function has returned. */
static void at_thread_exit()
{
    std::mutex mutex;
    std::condition_variable over;
    bool done = false, last = false;
    std::unique_lock lock(mutex);
    std::thread thread([&] {
        std::unique_lock own(mutex);
        done = true;
        std::notify_all_at_thread_exit(over, std::move(own));
        std::this_thread::yield();
        last = true;
    });
    over.wait(lock, [&] { return done; });
    printf("notify_all_at_thread_exit: %s\n", last ? "at the end" : "too early");
    lock.unlock();
    thread.join();
}

int main()
{
    timed<std::timed_mutex>("timed_mutex", false);
    timed<std::recursive_timed_mutex>("recursive_timed_mutex", true);
    shared();
    dine();
    conditions();
    at_thread_exit();
    return 0;
}
