/* What it costs to hand the turn to another thread with a mutex and a condition
 * variable; COUNT turns in all: pthread_cond_wait(3), pthread_cond_signal(3).
 *
 *     cond_handoff COUNT
 */
#include "turns.h"

static void wait_for_turn(void) { pthread_cond_wait(&changed, &lock); }
static void *take_turns(void *parity) { return take_turns_by(parity, wait_for_turn); }

int main(int count, char **arguments)
{
    turns = number_argument(count, arguments, 1, 200000);
    bench_turns("cond_handoff", take_turns);
    return 0;
}
