/* A handler interrupts freopen() of a FIFO that waits for the other side, unless
 * it has SA_RESTART: then the handler runs, and the wait goes on: freopen(3),
 * fifo(7), signal(7).
 */
#include "lib/interrupts.h"
#include "lib/reopened_fifo.h"

static void open_fifo(void) { CHECK(open(path, O_RDWR) >= 0); }

static const struct interrupted rows[] = {
    { "freopen to read", make_fifo, reopen_to_read, open_fifo, 1 },
    { "freopen to write", make_fifo, reopen_to_write, open_fifo, 1 },
};

int main(void)
{
    make_directory();
    interrupt_all(rows, COUNT(rows), NULL);
    remove_directory();
    return 0;
}
