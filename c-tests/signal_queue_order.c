/* Real-time signals sent to the process while all its threads block them come to
 * the thread that lets them in: the lowest number first, each number in the order
 * sent, by sigwaitinfo and by handlers that block all; by
 * sigwaitinfo what was sent to the thread itself comes before: sigqueue(3), signal(7), "Real-time signals".
 */
#include "lib/check.h"

enum { NUMBERS = 4, EACH = 6 };

static sigset_t set;
static __thread char text[600];

static void note(int number, const siginfo_t *info)
{
    size_t length = strlen(text);
    snprintf(text + length, sizeof text - length, " %d:%d", number - SIGRTMIN, info->si_value.sival_int);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    CHECK(info->si_code == SI_QUEUE);
    note(number, info);
}

static void send_all(void)
{
    for (int i = 0; i < EACH; i++)
        for (int which = NUMBERS - 1; which >= 0; which--)
            CHECK(sigqueue(getpid(), SIGRTMIN + which, (union sigval){ .sival_int = i }) == 0);
}

static void handle(void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
    sigfillset(&action.sa_mask);
    for (int which = 0; which < NUMBERS; which++)
        CHECK(sigaction(SIGRTMIN + which, &action, NULL) == 0);
}

static void *take_by_wait(void *unused)
{
    siginfo_t info;
    send_all();
    CHECK(pthread_sigqueue(pthread_self(), SIGRTMIN + 3, (union sigval){ .sival_int = 100 }) == 0);
    for (int i = 0; i < NUMBERS * EACH + 1; i++)
        note(sigwaitinfo(&set, &info), &info);
    printf("sigwaitinfo:%s\n", text);
    return unused;
}

static void *take_by_handler(void *unused)
{
    send_all();
    CHECK(text[0] == 0 && pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
    printf("handlers:%s\n", text);
    return unused;
}

int main(void)
{
    sigemptyset(&set);
    for (int which = 0; which < NUMBERS; which++)
        sigaddset(&set, SIGRTMIN + which);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    handle(on_signal);
    join(start(take_by_wait, NULL));
    join(start(take_by_handler, NULL));
    return 0;
}
