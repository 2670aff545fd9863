/* An anchor with State Threads, for c-tests/bench/echo_server: a thread per
 * connection. Runs until SIGTERM. Follows the State Threads programmer's reference.
 *
 *     st_echo [DESCRIPTORS [PORT]]
 */
#include "st_bench.h"

static void *echo(void *argument)
{
    st_netfd_t connection = argument;
    char buffer[4096];
    ssize_t count;

    while ((count = st_read(connection, buffer, sizeof buffer, ST_UTIME_NO_TIMEOUT)) > 0)
        if (st_write(connection, buffer, (size_t)count, ST_UTIME_NO_TIMEOUT) != count)
            break;
    st_netfd_close(connection);
    return NULL;
}

int main(int count, char **arguments)
{
    allow_descriptors(number_argument(count, arguments, 1, 1024));
    prepare_state_threads();
    st_netfd_t listener = st_netfd_open_socket(
        announced_listener(SOCK_STREAM, (uint16_t)size_argument(count, arguments, 2)));

    CHECK(listener);
    for (long connections = 0;; connections++) {
        st_netfd_t connection = st_accept(listener, NULL, NULL, ST_UTIME_NO_TIMEOUT);
        CHECK(connection);
        send_at_once(st_netfd_fileno(connection));
        if (!st_thread_create(echo, connection, 0, 0))
            cannot("after %ld threads st_thread_create: %s", connections, strerror(errno));
    }
}
