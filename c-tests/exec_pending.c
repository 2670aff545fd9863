/* Signals that are pending when a thread becomes another program stay pending: those sent
 * to the process, queued ones with their values; those sent to other threads are gone with
 * them. In a child by fork nothing is pending: execve(2), fork(2), sigpending(2), sigqueue(3).
 */
#include "lib/exec_pending.h"

static int sent_to_process;

static void before_exec(void)
{
    union sigval one = { .sival_int = 1 }, two = { .sival_int = 2 };
    if (sent_to_process) {
        CHECK(kill(getpid(), SIGTERM) == 0);
        CHECK(sigqueue(getpid(), SIGRTMIN + 1, one) == 0 && sigqueue(getpid(), SIGRTMIN + 1, two) == 0);
    }
    CHECK(pthread_kill(other, SIGUSR2) == 0);
    show_pending("  before");
    pid_t child = fork();
    if (child == 0) {
        show_pending("  in a child");
        _exit(0);
    }
    CHECK(strcmp(child_end(child), "exit 0") == 0);
}

int main(int argc, char **argv)
{
    static const char *const names[2][2] = {
        { ",", ", threads after exec" },
        { ", sent to the process,", ", sent to the process, threads after exec" },
    };
    if (is_new_program(argc, argv))
        return be_new_program(argv[2]);
    for (sent_to_process = 0; sent_to_process < 2; sent_to_process++)
        for (threads_later = 0; threads_later < 2; threads_later++)
            by_main_and_thread(names[sent_to_process][threads_later]);
    return 0;
}
