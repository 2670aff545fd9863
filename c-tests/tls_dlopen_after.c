/*
 * tls_dlopen_after: a library with __thread variables is opened when threads
 * exist.  They find initial values at their first look, as do new threads;
 * closed and opened again, the library starts afresh in all of them.
 * Follows dlopen(3), dlclose(3) and the ELF thread-local storage ABI.
 *
 * test: plugin=tls_plugin.c
 * test: cflags=-Wl,-rpath,$ORIGIN
 */
#include "lib/tls_rounds.h"

int main(void)
{
    return run_rounds() ? 0 : 1;
}
