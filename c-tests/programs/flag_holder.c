/* Five threads wait for ever on descriptors inherited from the parent: they
 * read a pipe, fill a pipe, read a terminal, accept, and receive.
 *
 * The parent shares those open file descriptions and watches their status
 * flags, so this program must wait without touching them: fcntl(2), open(2).
 * A line on standard output says what each thread is about to do.
 *
 *     flag_holder PIPE_READ PIPE_WRITE TERMINAL LISTENER SOCKET
 */
#include "../lib/check.h"

enum { PIPE_READ, PIPE_WRITE, TERMINAL, LISTENER, SOCKET, ROLES };

static const char *const names[ROLES] = {
    "pipe-read", "pipe-write", "terminal", "listener", "socket",
};

struct role {
    int kind, fd;
};

static void wait_once(const struct role *role)
{
    static char much[1 << 20];          /* many times what a pipe holds */
    char line[16];

    switch (role->kind) {
    case PIPE_WRITE:
        CHECK(write(role->fd, much, sizeof much) == sizeof much);
        break;
    case LISTENER: {
        int connection = accept(role->fd, NULL, NULL);
        CHECK(connection >= 0);
        close(connection);
        break;
    }
    case SOCKET:
        CHECK(recv(role->fd, line, sizeof line, 0) > 0);
        break;
    default:
        CHECK(read(role->fd, line, sizeof line) > 0);
    }
}

static void *hold(void *argument)
{
    const struct role *role = argument;
    for (;;) {
        CHECK(dprintf(1, "%s waits\n", names[role->kind]) > 0);
        wait_once(role);
        CHECK(dprintf(1, "%s goes on\n", names[role->kind]) > 0);
    }
}

int main(int count, char **arguments)
{
    struct role roles[ROLES];
    pthread_t threads[ROLES];

    CHECK(count == ROLES + 1);
    for (int kind = 0; kind < ROLES; kind++) {
        roles[kind] = (struct role){ kind, atoi(arguments[kind + 1]) };
        threads[kind] = start(hold, &roles[kind]);
    }
    for (int kind = 0; kind < ROLES; kind++)
        join(threads[kind]);
    return 0;
}
