/* connect() once more, after a handler has interrupted it, waits for the
 * connection that is under way: connect(2), signal(7).
 *
 * test: slow
 */
#include "lib/check.h"
#include <semaphore.h>

static struct sockaddr_in address;
static int listener;
static sem_t begun;

static void count(int number) { (void)number; }

/* One connection fills a queue of none: the kernel drops who comes next. */
static int listen_full(void)
{
    listener = tcp_listener(&address);
    CHECK(listen(listener, 0) == 0);
    return tcp_connect(&address);
}

static void make_room(void)
{
    int accepted = accept(listener, NULL, NULL);
    CHECK(accepted >= 0);
}

static int connect_again(int fd)
{
    return connect(fd, (struct sockaddr *)&address, sizeof address);
}

static void tell(const char *call, int result)
{
    printf("  %s: %d %s\n", call, result, errno_name(result == -1 ? errno : 0));
    fflush(stdout);
}

static void *connect_it(void *argument)
{
    int fd = *(int *)argument;
    CHECK(sem_post(&begun) == 0);
    tell("connect", connect_again(fd));
    return NULL;
}

static pthread_t connecting(int *fd)
{
    CHECK((*fd = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    pthread_t thread = start(connect_it, fd);
    CHECK(sem_wait(&begun) == 0);
    others_run();
    CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY);
    return thread;
}

/* The other side of `fd` is accepted and hears it. */
static void is_connected(int fd)
{
    int accepted = accept(listener, NULL, NULL);
    CHECK(accepted >= 0);
    give(fd, 'c');
    CHECK(take(accepted) == 'c');
    close(accepted), close(fd);
    puts("  connected");
}

int main(void)
{
    int fd;
    struct sigaction action = { .sa_handler = count };
    CHECK(sem_init(&begun, 0, 0) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
    int first = listen_full();
    pthread_t thread = connecting(&fd);
    CHECK(pthread_kill(thread, SIGUSR1) == 0);
    join(thread);
    thread = start(connect_it, &fd);
    CHECK(sem_wait(&begun) == 0);
    others_run();
    CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY);
    make_room();
    join(thread);
    is_connected(fd);
    close(first);
    return 0;
}
