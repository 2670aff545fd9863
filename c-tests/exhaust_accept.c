/* There is no descriptor left: accept(2) says EMFILE at once, whether somebody is
 * about to connect or not, for the number is taken before the connection. With one
 * number free it waits. getrlimit(2) (RLIMIT_NOFILE), accept(2).
 */
#include "lib/refuse.h"
#include <semaphore.h>

static int listener;
static struct unix_address address;
static sem_t posted;

static void *post(void *unused)
{
    CHECK(sem_post(&posted) == 0);
    return unused;
}

static void refused(void)
{
    join(start(post, NULL));
    limit(RLIMIT_NOFILE, 64);
    int last = use_up_descriptors();
    int result = accept(listener, NULL, NULL);
    printf("  nobody connects: %d %s\n", result, errno_name(errno));
    result = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    printf("  likewise, accept4: %d %s\n", result, errno_name(errno));
    CHECK(close(last) == 0);
    int client = unix_connect(&address);
    result = accept(listener, NULL, NULL);
    printf("  somebody does: %d %s\n", result, errno_name(errno));
    CHECK(close(client) == 0);
    result = accept(listener, NULL, NULL);
    printf("  a number is free again: %d\n", result >= 0);
}

int main(void)
{
    CHECK(sem_init(&posted, 0, 0) == 0);
    listener = unix_listener(&address, 5);
    alone("after the first thread", refused);
    return 0;
}
