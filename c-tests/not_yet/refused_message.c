/* Standard error is closed, as in a daemon, and a file of the program's has its number.
 * Whatever is refused at the first pthread_create(3), that file holds what the program
 * wrote and nothing else: daemon(3), open(2), stderr(3).
 *
 * test: libgreen-line
 */
#include "../lib/refuse.h"

static void refused(void)
{
    char text[256] = "";
    CHECK(fflush(stdout) == 0 && close(2) == 0);
    int file = temporary_file(0);
    CHECK(file == 2);
    refuse(SYS_epoll_create1, EPERM);
    others_run();
    CHECK(write(file, "data", 4) == 4);
    ssize_t count = pread(file, text, sizeof text - 1, 0);
    printf("  the file: %zd bytes, %s\n", count, text);
    CHECK(fflush(stdout) == 0);
    _exit(0);
}

int main(void)
{
    alone("a file in place of standard error", refused);
    return 0;
}
