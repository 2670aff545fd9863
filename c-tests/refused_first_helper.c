/* The first pthread_create(3) finds that no kernel thread can be made: EAGAIN, as often as
 * it is asked. What was made for the attempt is gone: the process has as many descriptors
 * as before and gets the numbers it would get. pthread_create(3), clone(2).
 *
 * test: libgreen-line
 */
#include "lib/refuse.h"
#include "lib/usage.h"

static void *never(void *unused)
{
    CHECK(!"a thread ran");
    return unused;
}

static void refused(void)
{
    const struct refusal both[] = { { .call = SYS_clone, .error = EAGAIN }, { .call = SYS_clone3, .error = EAGAIN } };
    pthread_t thread;
    refuse_all(both, 2);
    limit(RLIMIT_NOFILE, 64);
    int before = descriptors();
    for (int i = 0; i < 3; i++)
        printf("  %s\n", errno_name(pthread_create(&thread, NULL, never, NULL)));
    printf("  descriptors more: %d\n", descriptors() - before);
    printf("  the last one is %d\n", use_up_descriptors());
}

int main(void)
{
    alone("no kernel thread", refused);
    return 0;
}
