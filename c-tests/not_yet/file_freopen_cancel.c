/* freopen() of a FIFO that waits for the other side is a cancellation point:
 * freopen(3), fifo(7), pthreads(7).
 */
#include "lib/cancel_points.h"
#include "lib/reopened_fifo.h"

static void wait_to_read(void) { reopen_to_read(); }
static void wait_to_write(void) { reopen_to_write(); }

static const struct point points[] = {
    { "freopen to read", wait_to_read },
    { "freopen to write", wait_to_write },
};

int main(void)
{
    make_directory();
    make_fifo();
    cancel_at_points(points, COUNT(points));
    remove_directory();
    return 0;
}
