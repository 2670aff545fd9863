/* Signals sent to a thread alone that are pending when it becomes another program stay
 * pending, queued ones with their values: execve(2), sigpending(2), pthread_sigqueue(3).
 */
#include "lib/exec_pending.h"

static void before_exec(void)
{
    union sigval one = { .sival_int = 1 };
    CHECK(pthread_kill(pthread_self(), SIGUSR1) == 0);
    CHECK(pthread_sigqueue(pthread_self(), SIGRTMIN + 2, one) == 0);
    CHECK(pthread_kill(other, SIGUSR2) == 0);
    show_pending("  before");
}

int main(int argc, char **argv)
{
    if (is_new_program(argc, argv))
        return be_new_program(argv[2]);
    for (threads_later = 0; threads_later < 2; threads_later++)
        by_main_and_thread(threads_later ? ", threads after exec" : "");
    return 0;
}
