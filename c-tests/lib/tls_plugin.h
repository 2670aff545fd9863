/*
 * What a library for dlopen offers of its thread-local variables, and how a
 * program gets at it.  Strings that the library returns are gone after dlclose.
 */
#ifndef TLS_PLUGIN_H
#define TLS_PLUGIN_H

struct tls_plugin {
    const char *(*stale)(void);    /* the calling thread's first variable that has not
                                      its initial value; NULL if all have */
    void (*fill)(int number);      /* changes all of them */
    int (*filled)(int number);     /* are they as fill(number) left them? */
    void *(*address)(void);        /* of one that is not static: tls_plugin_number */
    int (*constructed)(void);      /* did the constructor run in the calling thread? */
};

#ifdef PLUGIN

#include "expect.h"

#include <dlfcn.h>

static inline const struct tls_plugin *plugin_open_as(const char *name, void **handle)
{
    *handle = dlopen(name, RTLD_NOW);
    if (!*handle)
        fprintf(stderr, "%s\n", dlerror());
    EXPECT(*handle);
    const struct tls_plugin *plugin = dlsym(*handle, "tls_plugin");
    EXPECT(plugin);
    return plugin;
}

static inline const struct tls_plugin *plugin_open(void **handle)
{
    return plugin_open_as(PLUGIN, handle);
}

static inline void plugin_close(void *handle)
{
    EXPECT(dlclose(handle) == 0);
}

static inline int plugin_is_loaded(void)
{
    void *handle = dlopen(PLUGIN, RTLD_NOW | RTLD_NOLOAD);
    if (handle)
        plugin_close(handle);
    return handle != NULL;
}

#endif
#endif
