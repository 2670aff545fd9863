/*
 * The same with the initial-exec model: the variables lie at a fixed distance
 * from every thread's descriptor, in the little room that ld.so sets aside for
 * such libraries.  For tls_dlopen_static.
 */
#define MODEL __attribute__((tls_model("initial-exec")))
#define ZEROES 100
#include "tls_plugin_body.h"
