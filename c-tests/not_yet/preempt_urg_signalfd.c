/* A signalfd for SIGURG, which all threads block, reads each that was sent to the
 * process, and no other, while threads compute: signalfd(2).
 *
 * test: timeout=20
 * test: env=GREEN_SLICE_MS=10
 */
#include "lib/computing.h"
#include <sys/signalfd.h>

int main(void)
{
    sigset_t urgent;
    struct signalfd_siginfo info;
    CHECK(sigemptyset(&urgent) == 0 && sigaddset(&urgent, SIGURG) == 0);
    CHECK(pthread_sigmask(SIG_BLOCK, &urgent, NULL) == 0);
    begin_ticks();
    begin_computing(2);
    int fd = signalfd(-1, &urgent, SFD_NONBLOCK);
    CHECK(fd >= 0);
    compute_for_ticks(5);
    errno = 0;
    CHECK(read(fd, &info, sizeof info) == -1 && errno == EAGAIN);
    CHECK(kill(getpid(), SIGURG) == 0);
    compute_for_ticks(3);
    CHECK(read(fd, &info, sizeof info) == sizeof info);
    CHECK(info.ssi_signo == SIGURG && info.ssi_code == SI_USER);
    CHECK((pid_t)info.ssi_pid == getpid());
    compute_for_ticks(3);
    CHECK(read(fd, &info, sizeof info) == -1 && errno == EAGAIN);
    CHECK(close(fd) == 0);
    end_computing();
    end_ticks();
    puts("signalfd: reads the one that was sent");
    return 0;
}
