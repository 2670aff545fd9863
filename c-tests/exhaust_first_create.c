/* The very first pthread_create finds no address space: that is EAGAIN, as often
 * as it is asked. The thread that asks goes on, and with room again it creates
 * threads: pthread_create(3), setrlimit(2) (RLIMIT_AS).
 *
 * test: libgreen-line
 */
#include "lib/check.h"
#include "lib/usage.h"
#include <sys/resource.h>

static void *never(void *unused)
{
    CHECK(!"there was room for a stack");
    return unused;
}

int main(void)
{
    struct rlimit limit, old;
    pthread_t thread;
    CHECK(getrlimit(RLIMIT_AS, &old) == 0);
    limit = old;
    limit.rlim_cur = memory_used().address_space;
    puts("with no room left:");     /* stdio has its buffer */
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    for (int i = 0; i < 3; i++) {
        int error = pthread_create(&thread, NULL, never, NULL);
        printf("%s\n", errno_name(error));
        CHECK(error == EAGAIN);
    }
    CHECK(setrlimit(RLIMIT_AS, &old) == 0);
    for (int i = 0; i < 10; i++)
        others_run();
    puts("with room again: threads run");
    return 0;
}
