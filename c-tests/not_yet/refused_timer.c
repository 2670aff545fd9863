/* timer_create(2) is refused, by a filter or because RLIMIT_SIGPENDING is used up
 * (EAGAIN, a limit that all processes of a user share): threads that compute still
 * let the others run. timer_create(2), getrlimit(2), pthreads(7).
 *
 * test: env=GREEN_SLICE_MS=10
 */
#include "../lib/refuse.h"
#include "../lib/computing.h"

static void compute_beside_ticks(void)
{
    begin_computing(2);
    others_run();
    begin_ticks();
    compute_for_ticks(5);
    end_ticks();
    end_computing();
    puts("  computed, others ran");
}

static void eperm(void) { refuse(SYS_timer_create, EPERM), compute_beside_ticks(); }
static void none(void) { limit(RLIMIT_SIGPENDING, 0), compute_beside_ticks(); }

int main(void)
{
    alone("EPERM", eperm);
    alone("no signal may be queued", none);
    return 0;
}
