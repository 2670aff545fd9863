/* A server as textbooks write it: a thread for each connection, which `serve` gets as a number.
 * Runs until SIGTERM: accept(2), pthread_create(3). Command line: [DESCRIPTORS [PORT]].
 */
#ifndef SERVER_H
#define SERVER_H

#include "bench.h"

__attribute__((noreturn))
static inline void serve_each(int count, char **arguments, thread_body *serve)
{
    allow_descriptors(number_argument(count, arguments, 1, 1024));
    int listener = announced_listener(SOCK_STREAM, (uint16_t)size_argument(count, arguments, 2));

    for (long accepted = 0;; accepted++) {
        int connection = accept(listener, NULL, NULL);
        CHECK(connection >= 0);
        send_at_once(connection);
        CHECK(pthread_detach(start_one_of(accepted, serve, (void *)(long)connection, 0)) == 0);
    }
}

#endif
