/* Anchors with boost.fiber, for the programs of the same names in c-tests/bench: fibers
 * of one kernel thread, with the library's round-robin scheduler and its default stacks
 * (which have no guard). Follows the documentation of Boost.Fiber.
 *
 *     fiber_threads switch COUNT THREADS | cond_handoff COUNT | create_join COUNT
 *                 | create_many THREADS | mutex_free COUNT | timed_wait COUNT
 *                 | broadcast COUNT WAITERS
 */
#include <boost/fiber/all.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

using boost::fibers::fiber;

namespace {

constexpr int LEFT_OUT = 3;
long turns, turn, waiting;
boost::fibers::mutex lock;
boost::fibers::condition_variable changed, all_wait;

double now()
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

void report_each(const std::string &name, double begin, long count)
{
    std::printf("%s %.3f ns\n", name.c_str(), (now() - begin) * 1e9 / double(count));
}

void join_all(std::vector<fiber> &running)
{
    for (auto &one : running)
        one.join();
}

void bench_switch(long yields, long threads)
{
    std::vector<fiber> running;
    boost::fibers::barrier all_done(size_t(threads) + 1);
    double begin = 0, end = 0;

    turns = yields / threads;
    for (long index = 0; index < threads; index++)
        running.emplace_back([index, &begin, &end, &all_done] {
            for (long number = 0; number <= turns; number++) {
                if (number == 1 && index == 0)
                    begin = now();              /* all stacks have been touched */
                boost::this_fiber::yield();
            }
            end = now();                        /* the last one's stays */
            all_done.wait();
        });
    all_done.wait();
    join_all(running);
    std::printf("switch_%ld %.3f ns\n", threads, (end - begin) * 1e9 / double(turns * threads));
}

template <typename Wait> void take_turns(long parity, Wait wait)
{
    std::unique_lock<boost::fibers::mutex> held(lock);
    while (turn < turns) {
        if (turn % 2 == parity) {
            turn++;
            changed.notify_one();
        } else {
            wait(held);
        }
    }
}

template <typename Wait> void handoff(const char *name, long count, Wait wait)
{
    turns = count;
    double begin = now();
    fiber other([wait] { take_turns(1, wait); });
    take_turns(0, wait);
    other.join();
    report_each(name, begin, turns);
}

void create_join(long count)
{
    double begin = now();
    for (long index = 0; index < count; index++)
        fiber([] {}).join();
    report_each("create_join", begin, count);
}

void create_and_release(long threads, const std::string &which)
{
    std::vector<fiber> running;
    bool released = false;

    waiting = 0;
    running.reserve(size_t(threads));
    double begin = now();
    for (long index = 0; index < threads; index++)
        running.emplace_back([threads, &released] {
            std::unique_lock<boost::fibers::mutex> held(lock);
            if (++waiting == threads)
                all_wait.notify_one();
            changed.wait(held, [&released] { return released; });
        });
    {
        std::unique_lock<boost::fibers::mutex> held(lock);
        all_wait.wait(held, [threads] { return waiting == threads; });
        released = true;
    }
    report_each("create_" + std::to_string(threads) + which, begin, threads);

    begin = now();
    changed.notify_all();
    join_all(running);
    report_each("release_" + std::to_string(threads) + which, begin, threads);
}

void mutex_free(long count)
{
    double begin = now();
    for (long number = 0; number < count; number++) {
        lock.lock();
        lock.unlock();
    }
    report_each("mutex_free", begin, count);
}

void broadcast(long awakenings, long waiters)
{
    std::vector<fiber> running;
    long call = 0, calls = awakenings / waiters;
    const auto all = [waiters] { return waiting == waiters; };

    for (long index = 0; index < waiters; index++)
        running.emplace_back([waiters, calls, &call] {
            std::unique_lock<boost::fibers::mutex> held(lock);
            for (long heard = 0; heard <= calls; heard++) {
                if (++waiting == waiters)
                    all_wait.notify_one();
                if (heard < calls)
                    changed.wait(held, [heard, &call] { return call != heard; });
            }
        });
    std::unique_lock<boost::fibers::mutex> held(lock);
    all_wait.wait(held, all);
    double begin = now();
    for (long number = 0; number < calls; number++) {
        waiting = 0;
        call++;
        changed.notify_all();
        all_wait.wait(held, all);
    }
    report_each("broadcast", begin, calls * waiters);
    held.unlock();
    join_all(running);
}

}

int main(int count, char **arguments)
{
    const std::string which = count > 2 ? arguments[1] : "";
    const long number = count > 2 ? std::atol(arguments[2]) : 0;
    const long threads = count > 3 ? std::atol(arguments[3]) : 1000;
    const auto wait = [](auto &held) { changed.wait(held); };
    const auto wait_in_time = [](auto &held) {
        changed.wait_for(held, std::chrono::seconds(100));
    };

    if (number < 1 || threads < 1)
        return 1;
    if (which == "switch") {
        bench_switch(number, threads);
    } else if (which == "cond_handoff") {
        handoff("cond_handoff", number, wait);
    } else if (which == "timed_wait") {
        handoff("timed_cond", number, wait_in_time);
    } else if (which == "create_join") {
        create_join(number);
    } else if (which == "create_many") {
        create_and_release(number, "");
        create_and_release(number, "_again");
    } else if (which == "mutex_free") {
        mutex_free(number);
    } else if (which == "broadcast") {
        broadcast(number, threads);
    } else {
        std::fprintf(stderr, "no such bench: %s", which.c_str());
        return LEFT_OUT;
    }
    return 0;
}
