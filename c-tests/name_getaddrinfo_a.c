/* getaddrinfo_a(3): GAI_WAIT stops the calling thread alone, GAI_NOWAIT nobody;
 * gai_suspend waits and times out; gai_error, gai_cancel and the notification by
 * a signal or a thread are right. /etc/hosts is the slow one.
 */
#include "lib/own_etc.h"
#include "lib/slow_file.h"
#include <netdb.h>
#include <semaphore.h>

static struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
static struct gaicb alpha, none, *both[] = { &alpha, &none };
static sem_t notified, announced;
static int lease;

static const char *code_name(int code)
{
    switch (code) {
    case 0: return "0";
    case EAI_AGAIN: return "EAI_AGAIN";
    case EAI_NONAME: return "EAI_NONAME";
    case EAI_SYSTEM: return "EAI_SYSTEM";
    case EAI_INPROGRESS: return "EAI_INPROGRESS";
    case EAI_CANCELED: return "EAI_CANCELED";
    case EAI_NOTCANCELED: return "EAI_NOTCANCELED";
    case EAI_ALLDONE: return "EAI_ALLDONE";
    default: return "?";
    }
}

static void fresh(void)
{
    alpha = (struct gaicb){ .ar_name = "alpha", .ar_request = &hints };
    none = (struct gaicb){ .ar_name = "none", .ar_request = &hints };
    lease = hold_file("/etc/hosts");
}

static void tell_results(const char *how)
{
    CHECK(gai_error(&alpha) == 0 && alpha.ar_result);
    const struct sockaddr_in *address = (struct sockaddr_in *)alpha.ar_result->ai_addr;
    printf("%s: %s %s, %s\n", how, alpha.ar_name, inet_ntoa(address->sin_addr),
           code_name(gai_error(&none)));
    freeaddrinfo(alpha.ar_result);
}

static void waits(void *unused)
{
    (void)unused;
    await_opener(lease);
}

static void let_go(void *unused)
{
    (void)unused;
    let_file_go(lease);
}

static void *at_once(void *unused)
{
    int code = getaddrinfo_a(GAI_WAIT, both, 2, NULL);
    printf("GAI_WAIT: %s\n", code_name(code));
    tell_results("GAI_WAIT");
    return unused;
}

static void begin(struct sigevent *event)
{
    fresh();
    CHECK(getaddrinfo_a(GAI_NOWAIT, both, 2, event) == 0);
    await_opener(lease);
    printf("begun: %s\n", code_name(gai_error(&alpha)));
}

/* Until both have ended. */
static void *suspend(void *unused)
{
    const struct gaicb *list[2] = { &alpha, &none };
    for (int i = 0; i < 2; i++) {
        int code = gai_suspend(&list[i], 1, NULL);
        CHECK(code == 0 || code == EAI_ALLDONE);
    }
    return unused;
}

static void *suspend_here(void *unused)
{
    CHECK(sem_post(&announced) == 0);
    return suspend(unused);
}

static void suspends(void *unused)
{
    (void)unused;
    CHECK(sem_wait(&announced) == 0);
}

/* The man page promises EAI_AGAIN, glibc says EAI_SYSTEM. */
static void *in_vain(void *unused)
{
    const struct timespec ten = { 0, 10000000 };
    const struct gaicb *list[2] = { &alpha, &none };
    double before = seconds(CLOCK_MONOTONIC);
    printf("gai_suspend, 10 ms: %s\n", code_name(gai_suspend(list, 2, &ten)));
    CHECK(seconds(CLOCK_MONOTONIC) - before >= 0.01);
    return unused;
}

/* The one thread that is notified. */
static void notify(union sigval value)
{
    printf("notified in a thread: %d\n", value.sival_int);
    CHECK(sem_post(&notified) == 0);
}

static void notifications(void)
{
    sigset_t set;
    siginfo_t info;
    struct sigevent event = {
        .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2, .sigev_value.sival_int = 17,
    };
    CHECK(sigemptyset(&set) == 0 && sigaddset(&set, SIGUSR2) == 0);
    begin(&event);
    others_run();
    let_file_go(lease);
    CHECK(sigwaitinfo(&set, &info) == SIGUSR2);
    printf("notified by a signal: %d, %s\n", info.si_value.sival_int,
           info.si_code == SI_ASYNCNL ? "SI_ASYNCNL" : "?");
    tell_results("by a signal");

    event.sigev_notify = SIGEV_THREAD;
    event.sigev_notify_function = notify;
    begin(&event);
    others_run();
    let_file_go(lease);
    CHECK(sem_wait(&notified) == 0);
    tell_results("by a thread");
}

int main(void)
{
    sigset_t set;
    if (!own_etc())
        return 0;
    etc_file("nsswitch.conf", "hosts: files\n");
    etc_file("hosts", "127.1.2.3 alpha\n");
    CHECK(sem_init(&notified, 0, 0) == 0 && sem_init(&announced, 0, 0) == 0);
    CHECK(sigemptyset(&set) == 0 && sigaddset(&set, SIGUSR2) == 0);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);

    fresh();
    beside("GAI_WAIT", at_once, waits, let_go, NULL);

    begin(NULL);
    beside("gai_suspend", suspend_here, suspends, let_go, NULL);
    tell_results("GAI_NOWAIT");

    begin(NULL);
    join(start(in_vain, NULL));
    printf("gai_cancel: %s\n", code_name(gai_cancel(&alpha)));
    let_file_go(lease);
    suspend(NULL);
    printf("gai_cancel: %s\n", code_name(gai_cancel(&alpha)));
    tell_results("after all");

    notifications();
    errno = 0;
    printf("wrong mode: %s, ", code_name(getaddrinfo_a(99, both, 2, NULL)));
    printf("%s\n", errno_name(errno));
    return 0;
}
