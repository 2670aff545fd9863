/* A process forks, from a thread and from main, while other threads are in calls
 * that the kernel or a name server holds up: flock, a FIFO's opening,
 * a wait for children, for a semaphore in shared memory, and getaddrinfo. The child makes calls of the
 * same kind in threads of its own, and in the parent each ends as it should: fork(2),
 * flock(2), fifo(7), waitpid(2), getaddrinfo(3).
 */
#include "lib/locked.h"
#include "lib/name_server.h"
#include <semaphore.h>
#include <sys/file.h>
#include <sys/mman.h>

enum { FORKS = 3 };

static char fifo[40];
static struct name_server server;
static sem_t *shared;
static int locked_whole, ran, gate[2];
static pid_t kept;

static void is_over(void) { __atomic_add_fetch(&ran, 1, __ATOMIC_SEQ_CST); }

static void *in_flock(void *unused)
{
    int mine = description();
    CHECK(flock(mine, LOCK_EX) == 0 && close(mine) == 0);
    is_over();
    return unused;
}

static void *in_fifo(void *unused)
{
    int end = open(fifo, O_RDONLY);
    CHECK(end >= 0 && take(end) == 'f' && close(end) == 0);
    is_over();
    return unused;
}

static void *in_wait(void *unused)
{
    int status;
    CHECK(waitpid(-getpgrp(), &status, __WALL) == kept && WEXITSTATUS(status) == 4);
    is_over();
    return unused;
}

static void *in_shared_sem(void *unused)
{
    CHECK(sem_wait(shared) == 0);
    is_over();
    return unused;
}

static void *in_getaddrinfo(void *unused)
{
    struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *list;
    ask_name_server(&server);
    CHECK(getaddrinfo("slow.example.org.", NULL, &hints, &list) == 0);
    CHECK(((struct sockaddr_in *)list->ai_addr)->sin_addr.s_addr == inet_addr("192.0.2.7"));
    freeaddrinfo(list);
    is_over();
    return unused;
}

/* The child has a server, a lock and a child of its own. */
static void *look_up(void *of_child)
{
    struct addrinfo hints = { .ai_family = AF_INET }, *list;
    ask_name_server(of_child);
    CHECK(getaddrinfo("child.example.org.", NULL, &hints, &list) == 0);
    CHECK(((struct sockaddr_in *)list->ai_addr)->sin_addr.s_addr == inet_addr("192.0.2.8"));
    freeaddrinfo(list);
    return NULL;
}

static void *lock_own(void *description)
{
    CHECK(flock(*(int *)description, LOCK_EX) == 0);
    return NULL;
}

static void be_child(void (*leave)(int))
{
    static struct name_server mine;
    /* A group of its own: the parent's waiting thread does not get its end. */
    CHECK(ran == 0 && setpgid(0, 0) == 0);
    open_name_server(&mine);
    pthread_t asker = start(look_up, &mine);
    take_query(&mine);
    others_run();
    answer_query(&mine, 0, "192.0.2.8");
    join(asker);

    file = temporary_file(0);
    int first = description(), second = description();
    CHECK(flock(first, LOCK_EX) == 0);
    pthread_t locker = start(lock_own, &second);
    is_waiting(NULL);
    others_run();
    CHECK(flock(first, LOCK_UN) == 0);
    join(locker);

    pid_t grandchild = fork();
    if (grandchild == 0)
        _exit(6);
    CHECK(strcmp(child_end(grandchild), "exit 6") == 0);
    CHECK(wait(NULL) == -1 && errno == ECHILD && ran == 0);
    leave(3);
}

static void *fork_some(void *leave)
{
    for (int i = 0; i < FORKS; i++) {
        fflush(stdout);
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            be_child((void (*)(int))leave);
        CHECK(strcmp(child_end(child), "exit 3") == 0);
    }
    CHECK(ran == 0);
    return NULL;
}

int main(void)
{
    thread_body *const calls[] = { in_flock, in_fifo, in_wait, in_shared_sem, in_getaddrinfo };
    pthread_t threads[COUNT(calls)];
    snprintf(fifo, sizeof fifo, "/tmp/fork-slow-%d", getpid());
    CHECK(mkfifo(fifo, 0600) == 0 && pipe(gate) == 0);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED && sem_init(shared, 1, 0) == 0);
    open_name_server(&server);
    file = temporary_file(0);
    CHECK((locked_whole = description()) >= 0 && flock(locked_whole, LOCK_EX) == 0);
    CHECK((kept = fork()) >= 0);
    if (kept == 0)
        _exit(take(gate[0]) == 'x' ? 4 : 5);

    for (size_t i = 0; i < COUNT(calls); i++)
        threads[i] = start(calls[i], NULL);
    take_query(&server);
    is_waiting(NULL);
    others_run();

    join(start(fork_some, (void *)_exit));
    fork_some((void *)exit);
    printf("%d children\n", 2 * FORKS);

    /* A child lets go what another process can. */
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(setpgid(0, 0) == 0);
        int end = open(fifo, O_WRONLY);
        CHECK(end >= 0 && sem_post(shared) == 0);
        give(end, 'f');
        answer_query(&server, 0, "192.0.2.7");
        CHECK(flock(locked_whole, LOCK_UN) == 0);
        _exit(0);
    }
    CHECK(strcmp(child_end(child), "exit 0") == 0);
    give(gate[1], 'x');
    for (size_t i = 0; i < COUNT(calls); i++)
        join(threads[i]);
    printf("%d calls ended\n", ran);
    CHECK(unlink(fifo) == 0);
    return 0;
}
