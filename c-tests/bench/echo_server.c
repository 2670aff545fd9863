/* A TCP echo server as textbooks write it: a thread per connection, blocking
 * calls. Runs until SIGTERM: accept(2), recv(2), send(2), pthread_create(3).
 *
 *     echo_server [DESCRIPTORS [PORT]]
 */
#include "server.h"

static void *echo(void *argument)
{
    int connection = (int)(long)argument;
    char buffer[4096];
    ssize_t count;

    while ((count = recv(connection, buffer, sizeof buffer, 0)) > 0)
        if (send(connection, buffer, (size_t)count, MSG_NOSIGNAL) != count)
            break;
    close(connection);
    return NULL;
}

int main(int count, char **arguments)
{
    serve_each(count, arguments, echo);
}
