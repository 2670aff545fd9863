/* epoll_pwait2(2), which no thread here calls, is refused with whatever error the writer
 * of a filter has chosen (EACCES, EINVAL): reads, polls and sleeps wait and end as ever.
 * seccomp(2), epoll_wait(2).
 */
#include "lib/refuse.h"
#include <poll.h>

enum { EPOLL_PWAIT2 = 441 };

static int ends[2];

static void *read_one(void *unused)
{
    CHECK(take(ends[0]) == 'x');
    return unused;
}

static void threads(void)
{
    struct pollfd entry = { ends[0], POLLIN, 0 };
    CHECK(poll(&entry, 1, 5) == 0 && usleep(1000) == 0);
    pthread_t reader = start(read_one, NULL);
    others_run();
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        usleep(20000);
        give(ends[1], 'x');
        _exit(0);
    }
    join(reader);
    printf("  a child gave it: %s\n", child_end(child));
}

static void eacces(void) { refuse(EPOLL_PWAIT2, EACCES), threads(); }
static void einval(void) { others_run(), refuse(EPOLL_PWAIT2, EINVAL), threads(); }

int main(void)
{
    CHECK(pipe(ends) == 0);
    alone("EACCES", eacces);
    alone("EINVAL after the first thread", einval);
    return 0;
}
