/*
 * cxx_uncaught: an exception that leaves a thread's function calls the terminate
 * handler, in that thread, with the exception still current and before anything
 * is unwound; the process ends by SIGABRT.  So does leaving a noexcept function,
 * up to which g++ unwinds.
 * Follows C++20, [except.terminate].
 * test: signal=SIGABRT
 */
#include "lib/expect.h"

#include <csignal>
#include <exception>
#include <stdexcept>
#include <sys/wait.h>
#include <thread>

static std::thread::id thrower;

struct Noisy {
    ~Noisy() { puts("unwound"); }
};

[[noreturn]] static void terminated()
{
    try {
        std::rethrow_exception(std::current_exception());
    } catch (const std::runtime_error &error) {
        printf("%s, in its thread: %s\n", error.what(),
               std::this_thread::get_id() == thrower ? "yes" : "no");
        fflush(stdout);
    }
    abort();
}

static void throws()
{
    Noisy noisy;
    throw std::runtime_error("nobody catches this");
}

static void from_noexcept() noexcept
{
    throws();
}

/* A child ends first by the other way, and prints into the same stream. */
int main()
{
    std::set_terminate(terminated);
    pid_t child = static_cast<pid_t>(SYS(fork()));
    auto body = [child] {
        thrower = std::this_thread::get_id();
        if (child == 0)
            from_noexcept();
        throws();
    };
    if (child > 0) {
        int status;
        SYS(waitpid(child, &status, 0));
        printf("the child: %s\n", WTERMSIG(status) == SIGABRT ? "SIGABRT" : "another end");
        fflush(stdout);
    }
    std::thread thread(body);
    thread.join();
    return 0;
}
