/* A read that waits for a terminal's input when the terminal's master is closed
 * fails with EIO; the next one finds the end: pty(7), read(2).
 */
#include "lib/check.h"
#include <semaphore.h>

static sem_t begun;
static int slave;

static void *read_line(void *unused)
{
    char byte;
    CHECK(sem_post(&begun) == 0);
    ssize_t count = read(slave, &byte, 1);
    printf("read: %zd %s\n", count, errno_name(count == -1 ? errno : 0));
    count = read(slave, &byte, 1);
    printf("read again: %zd\n", count);
    return unused;
}

int main(void)
{
    char name[64];
    CHECK(sem_init(&begun, 0, 0) == 0 && signal(SIGHUP, SIG_IGN) != SIG_ERR);
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    CHECK(ptsname_r(master, name, sizeof name) == 0);
    CHECK((slave = open(name, O_RDWR | O_NOCTTY)) >= 0);
    pthread_t thread = start(read_line, NULL);
    CHECK(sem_wait(&begun) == 0);
    others_run();
    CHECK(close(master) == 0);
    join(thread);
    return 0;
}
