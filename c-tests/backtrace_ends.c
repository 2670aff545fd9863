/* A thread's stack has an end that unwinders find. backtrace(3) and
 * _Unwind_Backtrace() meet the program's own calls in order and stop by
 * themselves; an exception that nobody catches comes back as such, which is how
 * a C++ run-time knows that it has to call std::terminate().
 *
 * The symbols come from the dynamic symbol table: backtrace_symbols(3), ld(1).
 *
 * test: cflags=-rdynamic
 */
#include "lib/check.h"

#include <execinfo.h>
#include <unwind.h>

enum { MOST_FRAMES = 200 };

/* A call that stays one: neither inlined nor made a jump, and exported. */
#define CALL __attribute__((noinline, noclone))

static volatile int depth;

static const char *const own_calls[] = {
    "look_back", "third_call", "second_call", "first_call", "thread_entry",
};

static const char *own_call(const char *symbol)
{
    for (size_t index = 0; index < COUNT(own_calls); index++)
        if (strstr(symbol, own_calls[index]))
            return own_calls[index];
    return NULL;
}

static void show_backtrace(void)
{
    void *frames[MOST_FRAMES];
    int count = backtrace(frames, MOST_FRAMES);
    CHECK(count > 0 && count < MOST_FRAMES);

    char **symbols = backtrace_symbols(frames, count);
    CHECK(symbols);
    size_t found = 0;
    for (int index = 0; index < count; index++) {
        const char *call = own_call(symbols[index]);
        if (call) {
            printf("  %s\n", call);
            CHECK(found < COUNT(own_calls) && call == own_calls[found++]);
        }
    }
    CHECK(found == COUNT(own_calls));
    free(symbols);
}

static _Unwind_Reason_Code count_frame(struct _Unwind_Context *context, void *count)
{
    (void)context;
    return ++*(int *)count < MOST_FRAMES ? _URC_NO_REASON : _URC_NORMAL_STOP;
}

static void show_ends(void)
{
    struct _Unwind_Exception exception = { .exception_class = 0x433a544553540000 };
    int count = 0;

    int walked = _Unwind_Backtrace(count_frame, &count) == _URC_END_OF_STACK;
    printf("_Unwind_Backtrace: %s\n", walked ? "end of stack" : "something else");
    int thrown = _Unwind_RaiseException(&exception) == _URC_END_OF_STACK;
    printf("_Unwind_RaiseException: %s\n", thrown ? "end of stack" : "something else");
    CHECK(walked && thrown && count < MOST_FRAMES);
}

CALL void look_back(void)
{
    show_backtrace();
    show_ends();
    depth--;
}

CALL void third_call(void)
{
    look_back();
    depth--;
}

CALL void second_call(void)
{
    third_call();
    depth--;
}

CALL void first_call(void)
{
    second_call();
    depth--;
}

/* Looks back before the thread has ever waited, and again after that. */
CALL void *thread_entry(void *argument)
{
    const int *ends = argument;

    puts("at first:");
    first_call();
    give(ends[1], 'y');
    CHECK(take(ends[2]) == 'y');
    puts("after waiting:");
    first_call();
    depth--;
    return argument;
}

int main(void)
{
    int there[2], back[2];

    CHECK(pipe(there) == 0 && pipe(back) == 0);
    int ends[3] = { there[0], there[1], back[0] };
    pthread_t thread = start(thread_entry, ends);
    give(back[1], take(there[0]));
    CHECK(join(thread) == ends);
    puts("joined");
    return 0;
}
