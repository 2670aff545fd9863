/* A preforking server: a parent with threads of its own makes children that share its
 * listening socket, each with a pool of threads in accept. Every request is answered, and
 * by one thread only; a child that is killed while its threads wait in accept takes no
 * connection with it, and its place is taken by another: accept(2), fork(2), kill(2).
 */
#include "lib/check.h"
#include <sys/mman.h>

enum { CHILDREN = 3, POOL = 4, CLIENTS = 8, REQUESTS = 40 };

struct counts { int answered[CHILDREN + 1], ready, taken[CLIENTS * REQUESTS]; } *counts;

static struct sockaddr_in address;
static int listener, slot;

static void *serve(void *unused)
{
    (void)unused;
    __atomic_add_fetch(&counts->ready, 1, __ATOMIC_SEQ_CST);
    for (;;) {
        int number, end = accept(listener, NULL, NULL);
        CHECK(end >= 0 && read_all(end, &number, sizeof number) == sizeof number);
        if (number < 0)
            _exit(0);
        __atomic_add_fetch(&counts->answered[slot], 1, __ATOMIC_SEQ_CST);
        __atomic_add_fetch(&counts->taken[number], 1, __ATOMIC_SEQ_CST);
        number = ~number;
        write_all(end, &number, sizeof number);
        CHECK(close(end) == 0);
    }
}

static pid_t make_server(int number)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        slot = number;
        for (int i = 1; i < POOL; i++)
            start(serve, NULL);
        serve(NULL);
    }
    return child;
}

static void *make_server_in_thread(void *number)
{
    return (void *)(long)make_server((int)(long)number);
}

static void await_ready(int wanted)
{
    const struct timespec moment = { 0, 1000000 };
    while (__atomic_load_n(&counts->ready, __ATOMIC_SEQ_CST) < wanted)
        nanosleep(&moment, NULL);
}

static void *ask(void *first)
{
    for (int i = 0; i < REQUESTS; i++) {
        int number = (int)(long)first + i, answer, end = tcp_connect(&address);
        write_all(end, &number, sizeof number);
        CHECK(read_all(end, &answer, sizeof answer) == sizeof answer && answer == ~number);
        CHECK(close(end) == 0);
    }
    return NULL;
}

/* Each request is asked once and answered once. */
static void all_ask(const char *when)
{
    pthread_t clients[CLIENTS];
    int sum = 0;
    memset(counts->taken, 0, sizeof counts->taken);
    memset(counts->answered, 0, sizeof counts->answered);
    for (long i = 0; i < CLIENTS; i++)
        clients[i] = start(ask, (void *)(i * REQUESTS));
    others_run();
    for (int i = 0; i < CLIENTS; i++)
        join(clients[i]);
    for (int i = 0; i < CLIENTS * REQUESTS; i++)
        CHECK(counts->taken[i] == 1);
    for (int i = 0; i <= CHILDREN; i++)
        sum += counts->answered[i];
    printf("%s: %d requests, %d answers\n", when, CLIENTS * REQUESTS, sum);
    fflush(stdout);
}

int main(void)
{
    pid_t children[CHILDREN];
    counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(counts != MAP_FAILED);
    listener = tcp_listener(&address);
    others_run();
    for (long i = 0; i < CHILDREN; i++)
        children[i] = i % 2 ? (pid_t)(long)join(start(make_server_in_thread, (void *)i)) : make_server((int)i);
    await_ready(CHILDREN * POOL);
    all_ask("three children");

    CHECK(kill(children[0], SIGKILL) == 0);
    printf("one is %s\n", child_end(children[0]));
    all_ask("two children");
    children[0] = make_server(CHILDREN);
    await_ready((CHILDREN + 1) * POOL);
    all_ask("three again");

    /* Each child ends at the first of these. */
    for (int i = 0; i < CHILDREN; i++) {
        int number = -1, end = tcp_connect(&address);
        write_all(end, &number, sizeof number);
        CHECK(read_all(end, &number, sizeof number) == 0 && close(end) == 0);
    }
    for (int i = 0; i < CHILDREN; i++)
        printf("child: %s\n", child_end(children[i]));
    return 0;
}
