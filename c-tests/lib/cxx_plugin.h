/* What a C++ library with thread_local objects offers; see cxx_plugin.cc. */
#ifndef CXX_PLUGIN_H
#define CXX_PLUGIN_H

struct cxx_plugin {
    /* Makes the calling thread's object, unless it is there, and counts its uses.  At the
     * object's end `destroyed` is called with `argument` and the number of uses. */
    int (*use)(void (*destroyed)(void *argument, int uses), void *argument);
    /* Called when the library goes away. */
    void (*on_unload)(void (*unloaded)(void));
};

#endif
