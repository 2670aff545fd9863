/* A TCP echo server as textbooks write it: a thread per connection, blocking
 * calls. Runs until SIGTERM: accept(2), recv(2), send(2), pthread_create(3).
 *
 *     echo_server [DESCRIPTORS [PORT]]
 */
#include "bench.h"

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
    allow_descriptors(number_argument(count, arguments, 1, 1024));
    int listener = announced_listener(SOCK_STREAM, (uint16_t)size_argument(count, arguments, 2));

    for (long accepted = 0;; accepted++) {
        int connection = accept(listener, NULL, NULL);
        CHECK(connection >= 0);
        send_at_once(connection);
        CHECK(pthread_detach(start_one_of(accepted, echo, (void *)(long)connection, 0)) == 0);
    }
}
