/* A second process that shares memory with the test: the same program, started
 * again with "peer" as its argument. It runs natively, for LD_PRELOAD is taken
 * from its environment.
 *
 * Both sides have the memory at shared_memory() and a socket to talk by, which
 * ends when the other side does.
 */
#ifndef PEER_H
#define PEER_H

#include "check.h"
#include <sys/mman.h>
#include <sys/prctl.h>

struct peer {
    pid_t process;
    int wire;
};

enum { PEER_MEMORY = 98, PEER_WIRE = 99 };

static inline int is_peer(int argc, char **argv)
{
    return argc > 1 && strcmp(argv[1], "peer") == 0;
}

/* The first call in the parent makes the memory; the peer inherits it. */
static inline void *shared_memory(size_t size, int is_the_peer)
{
    if (!is_the_peer) {
        int memory = memfd_create("peer", 0);
        CHECK(memory >= 0 && ftruncate(memory, (off_t)size) == 0);
        CHECK(dup2(memory, PEER_MEMORY) == PEER_MEMORY && close(memory) == 0);
    }
    void *start = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, PEER_MEMORY, 0);
    CHECK(start != MAP_FAILED);
    return start;
}

static inline struct peer start_peer(void)
{
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    pid_t process = fork();
    CHECK(process >= 0);
    if (process == 0) {
        CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
        CHECK(dup2(ends[1], PEER_WIRE) == PEER_WIRE);
        CHECK(unsetenv("LD_PRELOAD") == 0);
        execl("/proc/self/exe", "peer", "peer", (char *)NULL);
        CHECK(!"execl");
    }
    CHECK(close(ends[1]) == 0);
    return (struct peer){ process, ends[0] };
}

/* The peer closes its wire by its end, so that waitpid does not have to wait
 * for anything that this process does. */
static inline void end_peer(struct peer peer)
{
    char byte;
    CHECK(read(peer.wire, &byte, 1) == 0);
    CHECK(strcmp(child_end(peer.process), "exit 0") == 0);
    CHECK(close(peer.wire) == 0);
}

static inline struct timespec in_an_hour(void)
{
    struct timespec time;
    CHECK(clock_gettime(CLOCK_REALTIME, &time) == 0);
    time.tv_sec += 3600;
    return time;
}

static inline struct timespec in_20_ms(void)
{
    struct timespec time;
    CHECK(clock_gettime(CLOCK_REALTIME, &time) == 0);
    time.tv_nsec += 20 * 1000 * 1000;
    time.tv_sec += time.tv_nsec / 1000000000;
    time.tv_nsec %= 1000000000;
    return time;
}

#endif
