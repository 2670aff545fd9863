/*
 * cxx_thread_local: thread_local objects are constructed at their first use in
 * each thread and destroyed at its end, the newest first, also when the thread
 * ends by pthread_exit; a destructor may block.
 * Follows pthread_exit(3) and the C++ standard, [basic.stc.thread].
 */
#include "lib/expect.h"
#include "lib/gate.h"

#include <string>

static struct gate gate;

/* One thread at a time prints. */
struct Tracer {
    std::string name;
    explicit Tracer(const char *name) : name(name) { printf("  construct %s\n", name); }
    ~Tracer()
    {
        if (name == "second")
            gate_wait(&gate);
        printf("  destroy %s\n", name.c_str());
    }
};

static thread_local std::string own = "fresh";

static void use_second()
{
    static thread_local Tracer second("second");
    second.name += "";
}

static void use_first()
{
    static thread_local Tracer first("first");
    use_second();
    first.name += "";
}

static void *return_normally(void *unused)
{
    use_first();
    use_second();
    printf("  returns\n");
    return unused;
}

static void *exit_nested(void *unused)
{
    use_second();
    use_first();
    printf("  exits\n");
    pthread_exit(unused);
}

static void *use_nothing(void *unused)
{
    printf("  uses neither\n");
    return unused;
}

static void trace(const char *title, void *(*entry)(void *))
{
    puts(title);
    gate = gate_make();
    pthread_t thread = start_thread(entry, NULL);
    gate_open(&gate);
    join_thread(thread);
}

static void *change_own(void *argument)
{
    const char *name = static_cast<const char *>(argument);
    bool fresh = own == "fresh";
    own = name;
    own.append(1000, '.');
    gate_wait(&gate);
    bool kept = own.compare(0, strlen(name), name) == 0 && own.size() == strlen(name) + 1000;
    return reinterpret_cast<void *>(static_cast<intptr_t>(fresh && kept));
}

int main()
{
    trace("thread that returns", return_normally);
    trace("thread that calls pthread_exit", exit_nested);
    trace("thread without them", use_nothing);

    gate = gate_make();
    const char *names[] = { "one", "two", "three", "four" };
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        threads[i] = start_thread(change_own, const_cast<char *>(names[i]));
    gate_open(&gate);
    for (int i = 0; i < 4; i++) {
        bool right = join_thread(threads[i]) != NULL;
        printf("%s: %s\n", names[i], right ? "its own string" : "somebody else's string");
        EXPECT(right);
    }
    printf("main: %s\n", own.c_str());
    return 0;
}
