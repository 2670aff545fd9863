/*
 * A library with thread-local variables, for tls_thread_vars and tls_recycled.
 */
#include "tls_counter.h"

__thread int tls_library_counter = 1000;
static __thread char buffer[300];

int tls_library_count(void)
{
    return ++tls_library_counter;
}

char *tls_library_buffer(void)
{
    return buffer;
}
