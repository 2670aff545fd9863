/* One poll() over a thousand descriptors wakes for the single one that
 * becomes ready, wherever it stands: poll(2).
 */
#include "lib/check.h"
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

enum { MANY = 1000 };

static int events[MANY];

static void *wait_for_one(void *argument)
{
    struct pollfd fds[MANY];
    for (int i = 0; i < MANY; i++)
        fds[i] = (struct pollfd){ events[i], POLLIN, 0 };
    CHECK(poll(fds, MANY, -1) == 1);
    for (int i = 0; i < MANY; i++)
        CHECK(fds[i].revents == (i == *(int *)argument ? POLLIN : 0));
    return NULL;
}

int main(void)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    for (int i = 0; i < MANY; i++)
        CHECK((events[i] = eventfd(0, 0)) >= 0);

    int chosen[] = { 0, 499, 999, 0, 1 };
    for (size_t i = 0; i < COUNT(chosen); i++) {
        eventfd_t value;
        pthread_t thread = start(wait_for_one, &chosen[i]);
        others_run();
        CHECK(eventfd_write(events[chosen[i]], 1) == 0);
        join(thread);
        CHECK(eventfd_read(events[chosen[i]], &value) == 0 && value == 1);
        printf("woke for %d of %d\n", chosen[i], MANY);
    }
    return 0;
}
