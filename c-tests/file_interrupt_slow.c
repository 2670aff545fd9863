/* Where a file system lets itself be interrupted, a handler ends a call that
 * waits for it: the call fails with EINTR, with SA_RESTART too: signal(7),
 * fuse(4). Meanwhile other threads run.
 */
#include "lib/slow_signal.h"

static volatile sig_atomic_t handled;

static void on_signal(int number)
{
    (void)number;
    handled++;
}

/* The signal comes while the call waits. */
static void signal_in(const struct slow_call *call)
{
    struct slow_run run = { call, 0 };
    handled = 0;
    slow_fs_hold(call->opcode);
    pthread_t thread = start(slow_run_call, &run);
    slow_fs_held();
    CHECK(pthread_kill(thread, SIGUSR1) == 0);
    others_run();
    join(thread);
    CHECK(handled == 1);
}

int main(void)
{
    start_slow_file();
    slow_fs_interruptible();
    signal_in_all();
    slow_fs_stop();
    return 0;
}
