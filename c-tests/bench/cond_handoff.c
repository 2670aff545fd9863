/* What it costs to hand the turn to another thread with a mutex and a condition
 * variable; COUNT turns in all: pthread_cond_wait(3), pthread_cond_signal(3).
 *
 *     cond_handoff COUNT
 */
#include "bench.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long turn, turns;

static void *take_turns(void *argument)
{
    long parity = (long)argument;

    pthread_mutex_lock(&lock);
    while (turn < turns) {
        if (turn % 2 == parity) {
            turn++;
            pthread_cond_signal(&changed);
        } else {
            pthread_cond_wait(&changed, &lock);
        }
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

int main(int count, char **arguments)
{
    turns = number_argument(count, arguments, 1, 200000);
    double begin = now();
    pthread_t other = start(take_turns, (void *)1);
    take_turns((void *)0);
    join(other);
    report_each("cond_handoff", begin, turns);
    return 0;
}
