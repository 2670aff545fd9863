/* close_range(2) is refused (a kernel before 5.9, a filter): closefrom(3) closes all
 * the same, as its page promises, whether there are threads or not.
 */
#include "lib/refuse.h"

static void close_all(void)
{
    int from = fcntl(0, F_DUPFD, 50), last = fcntl(0, F_DUPFD, 90);
    CHECK(from >= 50 && last >= 90);
    closefrom(from);
    int gone = fcntl(from, F_GETFD) == -1 && fcntl(last, F_GETFD) == -1;
    printf("  closed: %d, those below are open: %d\n", gone, fcntl(1, F_GETFD) == 0);
    others_run();
}

static void enosys(void) { refuse(SYS_close_range, ENOSYS), close_all(); }
static void eperm(void) { refuse(SYS_close_range, EPERM), close_all(); }
static void later(void) { others_run(), refuse(SYS_close_range, ENOSYS), close_all(); }

int main(void)
{
    alone("ENOSYS", enosys);
    alone("EPERM", eperm);
    alone("ENOSYS after the first thread", later);
    return 0;
}
