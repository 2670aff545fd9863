/*
 * pthread_exit_cxx: pthread_exit unwinds the C++ frames of its thread: their
 * destructors run, inner ones first, catch (...) sees it and must pass it on,
 * and join gets the value.
 * Follows pthread_exit(3); <cxxabi.h>, abi::__forced_unwind.
 */
#include "lib/expect.h"
#include "lib/gate.h"

#include <cxxabi.h>
#include <exception>

static struct gate gate;

struct Tracer {
    const char *name;
    bool block;
    ~Tracer()
    {
        if (block)
            gate_wait(&gate);
        printf("destroy %s\n", name);
    }
};

static void innermost(void *value)
{
    Tracer first{"innermost first", false};
    Tracer second{"innermost second", true};
    pthread_exit(value);
}

static void middle(void *value)
{
    Tracer tracer{"middle", false};
    try {
        innermost(value);
    } catch (const std::exception &) {
        puts("caught as std::exception: wrong");
    } catch (abi::__forced_unwind &) {
        puts("passing on abi::__forced_unwind");
        throw;
    }
}

static void *outermost(void *value)
{
    Tracer tracer{"outermost", false};
    try {
        middle(value);
    } catch (...) {
        puts("passing on (...)");
        throw;
    }
    puts("pthread_exit returned: wrong");
    return NULL;
}

int main()
{
    gate = gate_make();
    char value[] = "the value";
    pthread_t thread = start_thread(outermost, value);
    gate_open(&gate);
    void *joined = join_thread(thread);
    printf("joined: %s\n", static_cast<char *>(joined));
    EXPECT(joined == value);
    return 0;
}
