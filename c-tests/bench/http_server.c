/* A small HTTP/1.1 server as textbooks write it: a thread per connection, blocking
 * calls, connections kept alive. Answers every request with the same 1 KiB. Runs
 * until SIGTERM: accept(2), recv(2), send(2), pthread_create(3).
 *
 *     http_server [DESCRIPTORS [PORT]]
 */
#include "http.h"
#include "server.h"

static void *serve(void *argument)
{
    struct http_connection connection = { .fd = (int)(long)argument };
    ssize_t count;

    while ((count = recv(connection.fd, connection.request + connection.filled,
                         sizeof connection.request - connection.filled, 0)) > 0)
        if (!http_answer(&connection, (size_t)count))
            break;
    close(connection.fd);
    return NULL;
}

int main(int count, char **arguments)
{
    http_prepare();
    serve_each(count, arguments, serve);
}
