/* connect() once more, after a handler has interrupted it, waits for the
 * connection that is under way: connect(2), signal(7).
 *
 * test: slow
 */
#include "lib/full_listener.h"

int main(void)
{
    int fd;
    handle_with(0);
    int first = listen_full();
    pthread_t thread = connecting(&fd);
    CHECK(pthread_kill(thread, SIGUSR1) == 0);
    join(thread);
    thread = connecting_again(&fd);
    make_room();
    join(thread);
    is_connected(fd);
    close(first);
    return 0;
}
