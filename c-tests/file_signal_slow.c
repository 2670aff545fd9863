/* A signal does not end a call that waits for a disk, with SA_RESTART or
 * without: the handler runs when the call is done, and the call's result is
 * what it is without the signal: signal(7). Meanwhile other threads run.
 */
#include "lib/slow_signal.h"

static volatile sig_atomic_t released, early, handled;

static void on_signal(int number)
{
    (void)number;
    handled++;
    early += !released;
}

/* The signal comes while the call waits. */
static void signal_in(const struct slow_call *call)
{
    struct slow_run run = { call, 0 };
    released = early = handled = 0;
    slow_fs_hold(call->opcode);
    pthread_t thread = start(slow_run_call, &run);
    slow_fs_held();
    CHECK(pthread_kill(thread, SIGUSR1) == 0);
    others_run();
    released = 1;
    slow_fs_release();
    join(thread);
    CHECK(handled == 1);
    printf("%s: the handler ran %s\n", call->name,
           early ? "before the answer" : "after it");
}

int main(void)
{
    start_slow_file();
    signal_in_all();
    slow_fs_stop();
    return 0;
}
