/* The thread-local variables of a linked library. */
#ifndef TLS_COUNTER_H
#define TLS_COUNTER_H

extern __thread int tls_library_counter; /* starts at 1000 */

int tls_library_count(void);     /* adds 1 to the counter */
char *tls_library_buffer(void);  /* 300 bytes, at first zero */

#endif
