/* C++ objects at the end of a process and of a thread. By exit() in a thread: that thread's
 * thread_local objects, then exit handlers and static objects, last made first; none on a
 * stack, none of a thread that waits. A static object's destructor may still use what
 * threads use: a pool that wakes its workers and joins them, a lock that a worker gives back
 * first, a stream. By pthread_exit and by return: objects on the stack, thread_local ones,
 * then key destructors, each of which may wait for others. Each way is a child that tells by
 * write. Follows exit(3), pthread_exit(3), pthread_key_create(3), the C++ standard
 * [basic.start.term].
 */
#include "lib/gate.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <thread>
#include <vector>

static struct gate never;
static bool tells;
static std::mutex told;

static void tell(const char *what, const char *who = "")
{
    char line[100];
    std::lock_guard<std::mutex> guard(told);
    int size = snprintf(line, sizeof line, "  %s%s\n", what, who);
    CHECK(!tells || write(1, line, (size_t)size) == size);
}

/* Its destructor waits until a thread of its own has run. */
struct object {
    const char *who;
    explicit object(const char *name) : who(name) {}
    ~object()
    {
        if (!tells)
            return;
        std::thread other([] { std::this_thread::yield(); });
        other.join();
        tell("destroyed: ", who);
    }
};

/* ---- a pool of threads that ends with the process ------------------------------- */

class pool {
    std::mutex lock;
    std::condition_variable changed;
    std::deque<std::packaged_task<int()>> tasks;
    std::vector<std::thread> workers;
    bool ends = false;

    void work()
    {
        std::unique_lock<std::mutex> guard(lock);
        for (;;) {
            changed.wait(guard, [this] { return ends || !tasks.empty(); });
            if (tasks.empty())
                return;
            auto task = std::move(tasks.front());
            tasks.pop_front();
            guard.unlock();
            task();
            guard.lock();
        }
    }

public:
    explicit pool(int count)
    {
        for (int i = 0; i < count; i++)
            workers.emplace_back([this] { work(); });
    }

    std::future<int> ask(int number)
    {
        std::packaged_task<int()> task([number] {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            return number * number;
        });
        auto answer = task.get_future();
        std::lock_guard<std::mutex> guard(lock);
        tasks.push_back(std::move(task));
        changed.notify_one();
        return answer;
    }

    ~pool()
    {
        auto late = ask(7);     /* the pool still works */
        {
            std::lock_guard<std::mutex> guard(lock);
            ends = true;
            changed.notify_all();
        }
        for (auto &worker : workers)
            worker.join();
        if (tells)
            tell(late.get() == 49 ? "the pool is joined" : "the pool is wrong");
    }
};

static pool &the_pool()
{
    static pool made(4);
    return made;
}

/* ---- objects of all kinds ---------------------------------------------------------- */

static object global("a global object");
static thread_local std::unique_ptr<object> of_thread;
static pthread_key_t key;

static void of_key(void *name) { tell("key destructor: ", (const char *)name); }
static void at_exit(void) { tell("exit handler"); }

static void be(const char *name)
{
    of_thread = std::make_unique<object>(name);
    CHECK(pthread_setspecific(key, name) == 0);
}

static void use_statics()
{
    static object first("a static object"), second("a static object made later");
    CHECK(the_pool().ask(5).get() == 25);
    CHECK(atexit(at_exit) == 0);
    static object last("a static object made last");
}

static void leave(void (*way)())
{
    object on_stack("on the stack of the one who leaves");
    be("the one who leaves");
    use_statics();
    way();
}

static void returns() {}
static void call_exit() { exit(4); }
static void call_quick_exit() { quick_exit(4); }
static void call_pthread_exit() { pthread_exit(nullptr); }

/* Threads that are asked for by std::async are waited for in their futures' destructors. */
static void leaves_futures()
{
    static std::vector<std::future<void>> futures;
    for (int i = 0; i < 3; i++)
        futures.push_back(std::async(std::launch::async, [] { std::this_thread::yield(); }));
    exit(4);
}

static void in_thread(void (*way)())
{
    std::thread(leave, way).join();
    tell("main goes on");
}

static const struct { const char *name; void (*way)(); bool in_thread; } ways[] = {
    { "exit in a thread", call_exit, true }, { "exit in main", call_exit, false },
    { "exit in a thread, futures left", leaves_futures, true }, { "return from a thread", returns, true },
    { "pthread_exit in a thread", call_pthread_exit, true }, { "return from main", returns, false },
    { "quick_exit in a thread", call_quick_exit, true },
};

static std::atomic<int> waiting;

static void wait_for_ever()
{
    object on_stack("on the stack of one who waits");
    be("one who waits");
    waiting++;
    gate_wait(&never);
}

int main()
{
    never = gate_make();
    CHECK(pthread_key_create(&key, of_key) == 0);
    for (auto &each : ways) {
        printf("%s\n", each.name);
        fflush(stdout);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            tells = true;
            for (int i = 0; i < 5; i++)
                std::thread(wait_for_ever).detach();
            while (waiting < 5)
                std::this_thread::yield();
            if (each.in_thread)
                in_thread(each.way);
            else
                leave(each.way);
            return 6;
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
        printf("  exit %d\n", WEXITSTATUS(status));
    }
    fflush(stdout);
    _exit(0);
}
