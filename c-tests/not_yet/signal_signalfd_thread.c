/* A signalfd that a thread polls and reads shows what was sent to that thread
 * alone: signalfd(2).
 */
#include "lib/check.h"

#include <poll.h>
#include <sys/signalfd.h>

static void *receive(void *unused)
{
    sigset_t set;
    struct signalfd_siginfo info;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    struct pollfd bell = { signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), POLLIN, 0 };
    CHECK(pthread_kill(pthread_self(), SIGUSR1) == 0);
    printf("ready: %d\n", poll(&bell, 1, 0));
    printf("read: %d\n", read(bell.fd, &info, sizeof info) == sizeof info);
    return unused;
}

int main(void)
{
    join(start(receive, NULL));
    return 0;
}
