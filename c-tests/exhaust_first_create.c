/* The very first pthread_create finds no address space: that is EAGAIN, as often
 * as it is asked. The thread that asks goes on, and with room again it creates
 * threads: pthread_create(3), setrlimit(2) (RLIMIT_AS).
 *
 * test: libgreen-line
 */
#include "lib/check.h"
#include <sys/resource.h>

static void *never(void *unused)
{
    CHECK(!"there was room for a stack");
    return unused;
}

static rlim_t address_space_used(void)
{
    char text[64] = "";
    int file = open("/proc/self/statm", O_RDONLY);
    CHECK(file >= 0 && read(file, text, sizeof text - 1) > 0 && close(file) == 0);
    return strtoul(text, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE);
}

int main(void)
{
    struct rlimit limit, old;
    pthread_t thread;
    CHECK(getrlimit(RLIMIT_AS, &old) == 0);
    limit = old;
    limit.rlim_cur = address_space_used();
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
