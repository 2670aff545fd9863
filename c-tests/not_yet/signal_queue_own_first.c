/* When a mask lets in signals of the thread and of the process, those of the thread
 * are handled first, whatever their numbers are, where the handlers block all:
 * signal(7) leaves the order open; this is Linux's.
 */
#include "../lib/check.h"

enum { EACH = 3 };

static char text[100];

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    size_t length = strlen(text);
    snprintf(text + length, sizeof text - length, " %d:%d", number - SIGRTMIN, info->si_value.sival_int);
}

static void *take_all(void *set)
{
    for (int i = 0; i < EACH; i++) {
        CHECK(sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = i }) == 0);
        CHECK(pthread_sigqueue(pthread_self(), SIGRTMIN + 1, (union sigval){ .sival_int = i }) == 0);
    }
    CHECK(text[0] == 0 && pthread_sigmask(SIG_UNBLOCK, set, NULL) == 0);
    printf("handled:%s\n", text);
    return NULL;
}

int main(void)
{
    struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    sigaddset(&set, SIGRTMIN + 1);
    sigfillset(&action.sa_mask);
    CHECK(sigaction(SIGRTMIN, &action, NULL) == 0 && sigaction(SIGRTMIN + 1, &action, NULL) == 0);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    join(start(take_all, &set));
    return 0;
}
