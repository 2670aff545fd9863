/* signalfd4(2) is refused, or there is no descriptor left, or an epoll set takes no
 * member more: sigwait(3), sigwaitinfo(2) and sigtimedwait(2), none of which makes a
 * descriptor, wait for the signal all the same, and others run meanwhile. Their errors
 * are EAGAIN, EINTR and EINVAL only.
 */
#include "lib/exchange.h"
#include "lib/refuse.h"

static sem_t begun;
static sigset_t set;

static void *by_sigwait(void *unused)
{
    int number = 0;
    CHECK(sem_post(&begun) == 0);
    int error = sigwait(&set, &number);
    printf("  sigwait: %s, %d\n", errno_name(error), number == SIGUSR1);
    return unused;
}

static void *by_sigwaitinfo(void *unused)
{
    siginfo_t info;
    CHECK(sem_post(&begun) == 0);
    int number = sigwaitinfo(&set, &info);
    printf("  sigwaitinfo: %s, %d\n", errno_name(number == -1 ? errno : 0), number == SIGUSR1);
    return unused;
}

static void each_way(void)
{
    const struct timespec short_time = { 0, 5000000 };
    thread_body *const ways[] = { by_sigwait, by_sigwaitinfo };
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    for (int i = 0; i < 2; i++) {
        pthread_t waiter = start(ways[i], NULL);
        CHECK(sem_wait(&begun) == 0);
        exchange();
        CHECK(kill(getpid(), SIGUSR1) == 0);
        join(waiter);
    }
    int number = sigtimedwait(&set, NULL, &short_time);
    printf("  sigtimedwait: %d %s\n", number, errno_name(errno));
}

static void enosys(void) { refuse(SYS_signalfd4, ENOSYS), each_way(); }
static void eperm(void) { refuse(SYS_signalfd4, EPERM), each_way(); }

static void emfile(void)
{
    exchange();
    limit(RLIMIT_NOFILE, 64);
    use_up_descriptors();
    each_way();
}

/* epoll(7): /proc/sys/fs/epoll/max_user_watches */
static void enospc(void)
{
    exchange();
    refuse(SYS_epoll_ctl, ENOSPC);
    each_way();
}

int main(void)
{
    CHECK(sem_init(&begun, 0, 0) == 0);
    CHECK(sigemptyset(&set) == 0 && sigaddset(&set, SIGUSR1) == 0);
    alone("ENOSYS", enosys);
    alone("EPERM", eperm);
    alone("no descriptor left", emfile);
    alone("epoll_ctl: ENOSPC", enospc);
    return 0;
}
