/* A handler ends a blocking call that is made by syscall(2) with EINTR; with
 * SA_RESTART read and futex go on, poll still ends: syscall(2), signal(7).
 *
 * test: timeout=60
 */
#include "lib/interrupts.h"
#include <linux/futex.h>
#include <sys/syscall.h>

static int ends[2], word;
static char byte;

static void make_pipe(void) { CHECK(pipe(ends) == 0); }
static void give_byte(void) { give(ends[1], 'x'); }
static long call_read(void) { return syscall(SYS_read, ends[0], &byte, 1); }
static long call_poll(void)
{
    return syscall(SYS_poll, &(struct pollfd){ ends[0], POLLIN, 0 }, 1, -1);
}

static void clear_word(void) { word = 0; }
static void wake_word(void)
{
    word = 1;
    syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0);
}
static long call_futex(void) { return syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0); }

static const struct interrupted rows[] = {
    { "syscall read", make_pipe, call_read, give_byte, 1 },
    { "syscall poll", make_pipe, call_poll, give_byte, 0 },
    { "syscall futex, shared", clear_word, call_futex, wake_word, 1 },
};

int main(int argc, char **argv)
{
    interrupt_all(rows, COUNT(rows), argc > 1 ? argv[1] : NULL);
    return 0;
}
