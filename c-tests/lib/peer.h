/* A second process that shares memory with the test: the same program, started
 * again with "peer" as its argument. It runs natively; one with another part may
 * run LIKE_US. NATIVE takes LD_PRELOAD from the environment of the new process.
 *
 * Both sides have the memory at shared_memory() and a socket to talk by, which
 * ends when the other side does.
 */
#ifndef PEER_H
#define PEER_H

#include "check.h"
#include "deadline.h"
#include <sys/mman.h>
#include <sys/prctl.h>

struct peer {
    pid_t process;
    int wire;
};

enum { PEER_MEMORY = 98, PEER_WIRE = 99 };
enum world { NATIVE, LIKE_US };

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

static inline struct peer start_part(const char *part, enum world world)
{
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    pid_t process = fork();
    CHECK(process >= 0);
    if (process == 0) {
        CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
        CHECK(dup2(ends[1], PEER_WIRE) == PEER_WIRE);
        if (world == NATIVE)
            CHECK(unsetenv("LD_PRELOAD") == 0 && setenv("GREEN_DISABLE", "1", 1) == 0);
        execl("/proc/self/exe", part, part, (char *)NULL);
        CHECK(!"execl");
    }
    CHECK(close(ends[1]) == 0);
    return (struct peer){ process, ends[0] };
}

static inline struct peer start_peer(void)
{
    return start_part("peer", NATIVE);
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

#endif
