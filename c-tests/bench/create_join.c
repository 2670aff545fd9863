/* What the life of a thread costs: COUNT threads that do nothing, each joined
 * before the next is created: pthread_create(3), pthread_join(3).
 *
 *     create_join COUNT
 */
#include "bench.h"

static void *do_nothing(void *argument)
{
    return argument;
}

int main(int count, char **arguments)
{
    long threads = number_argument(count, arguments, 1, 20000);
    double begin = now();

    for (long index = 0; index < threads; index++)
        join(start(do_nothing, NULL));
    report_each("create_join", begin, threads);
    return 0;
}
