/*
 * tls_dlopen_static: a library whose __thread variables have the initial-exec
 * model is opened when threads exist.  Its variables lie in room that every
 * thread has had from the beginning; ld.so gives them their initial values in
 * all threads, whatever lay there before, each time the library is opened.
 * Follows dlopen(3) and the ELF thread-local storage ABI, "Static TLS model".
 *
 * test: plugin=tls_plugin_static.c
 * test: cflags=-Wl,-rpath,$ORIGIN
 */
#include "lib/tls_rounds.h"

int main(void)
{
    return run_rounds() ? 0 : 1;
}
