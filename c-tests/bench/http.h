/* What http_server and its anchor have in common: where requests end, and the answer.
 * Requests have no body. Follows recv(2), send(2).
 */
#ifndef HTTP_H
#define HTTP_H

#include "bench.h"

enum { HTTP_BODY = 1024 };

struct http_connection {
    int fd;
    size_t filled;              /* bytes of a request that has not ended */
    char request[4096];
};

static char http_text[HTTP_BODY + 256];
static size_t http_size;

static inline void http_prepare(void)
{
    int head = snprintf(http_text, sizeof http_text,
                        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n",
                        HTTP_BODY);
    memset(http_text + head, 'x', HTTP_BODY);
    http_size = (size_t)head + HTTP_BODY;
}

/* `count` bytes more have come: answers the requests that are complete. False if
 * the connection is to be closed. */
static inline int http_answer(struct http_connection *connection, size_t count)
{
    char *next = connection->request, *end;

    connection->filled += count;
    while ((end = memmem(next, connection->filled, "\r\n\r\n", 4))) {
        if (send(connection->fd, http_text, http_size, MSG_NOSIGNAL) != (ssize_t)http_size)
            return 0;
        connection->filled -= (size_t)(end + 4 - next);
        next = end + 4;
    }
    memmove(connection->request, next, connection->filled);
    return connection->filled < sizeof connection->request;
}

#endif
