/* A pipe with a stream at each end, `in` and `out`, and a line that comes to a reader in two
 * pieces: it waits for both, and others run meanwhile. stdio(3).
 */
#ifndef STDIO_PIPE_H
#define STDIO_PIPE_H

#include "check.h"

static FILE *in, *out;
static int ends[2];

static inline void open_streams(void)
{
    CHECK((in = fdopen(ends[0], "r")) && (out = fdopen(ends[1], "w")));
}

/* `body` reads "a line\n". */
static inline void reads(const char *name, thread_body *body)
{
    pthread_t thread = start(body, NULL);
    others_run();
    CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY);
    write_all(ends[1], "a li", 4);
    others_run();
    write_all(ends[1], "ne\n", 3);
    join(thread);
    printf("%s waits\n", name);
}

#endif
