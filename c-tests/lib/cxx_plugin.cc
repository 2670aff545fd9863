/*
 * A C++ library with a thread_local object that has a destructor, for
 * cxx_thread_local_dlopen.
 */
#include "cxx_plugin.h"

namespace {

struct Object {
    int uses = 0;
    void (*destroyed)(void *, int) = nullptr;
    void *argument = nullptr;
    ~Object() { destroyed(argument, uses); }
};

struct Library {
    void (*unloaded)() = nullptr;
    ~Library() { if (unloaded) unloaded(); }
};

thread_local Object object;
Library library;

int use(void (*destroyed)(void *, int), void *argument)
{
    object.destroyed = destroyed;
    object.argument = argument;
    return ++object.uses;
}

void on_unload(void (*unloaded)())
{
    library.unloaded = unloaded;
}

}

extern "C" const cxx_plugin plugin;
const cxx_plugin plugin = { use, on_unload };
