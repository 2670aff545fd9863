/* A TCP listener whose queue is full, and a thread whose connect() waits for room there:
 * connect(2), listen(2).
 *
 *   int first = listen_full();
 *   pthread_t thread = connecting(&fd);    comes back when it waits
 *   make_room();
 *   is_connected(fd);
 */
#ifndef FULL_LISTENER_H
#define FULL_LISTENER_H

#include "check.h"
#include <semaphore.h>

static struct sockaddr_in address;
static int listener;
static sem_t connect_begun;

/* One connection fills a queue of none: the kernel drops who comes next. */
static inline int listen_full(void)
{
    listener = tcp_listener(&address);
    CHECK(listen(listener, 0) == 0);
    return tcp_connect(&address);
}

static inline void make_room(void)
{
    int accepted = accept(listener, NULL, NULL);
    CHECK(accepted >= 0);
}

static inline void tell_connect(int fd)
{
    int result = connect(fd, (struct sockaddr *)&address, sizeof address);
    printf("  connect: %d %s\n", result, errno_name(result == -1 ? errno : 0));
    fflush(stdout);
}

static inline void *connect_it(void *fd)
{
    CHECK(sem_post(&connect_begun) == 0);
    tell_connect(*(int *)fd);
    return NULL;
}

static inline pthread_t connecting_again(int *fd)
{
    CHECK(sem_init(&connect_begun, 0, 0) == 0);
    pthread_t thread = start(connect_it, fd);
    CHECK(sem_wait(&connect_begun) == 0);
    others_run();
    CHECK(pthread_tryjoin_np(thread, NULL) == EBUSY);
    return thread;
}

static inline pthread_t connecting(int *fd)
{
    CHECK((*fd = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    return connecting_again(fd);
}

/* The other side of `fd` is accepted and hears it. */
static inline void is_connected(int fd)
{
    int accepted = accept(listener, NULL, NULL);
    CHECK(accepted >= 0);
    give(fd, 'c');
    CHECK(take(accepted) == 'c');
    close(accepted), close(fd);
    puts("  connected");
}

/* ---- signals ------------------------------------------------------------- */

static void do_nothing(int number) { (void)number; }

static inline void handle_with(int flags)
{
    struct sigaction action = { .sa_handler = do_nothing, .sa_flags = flags };
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
}

#endif
