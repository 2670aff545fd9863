/*
 * A library with thread-local variables in the model that -fPIC means, general
 * dynamic: a thread's copy is made when it first asks for it.  For
 * tls_dlopen_before and tls_dlopen_after.
 */
#define MODEL
#define ZEROES 5000
#include "tls_plugin_body.h"
