/* A filter like the default one of the well-known container engines: what is privileged
 * is answered with EPERM, what is newer than the filter with ENOSYS, and new namespaces
 * with EPERM. Threads, children, files, sockets, locks, signals and names work in it,
 * and green threads need nothing that it refuses. seccomp(2), capabilities(7).
 *
 * test: env=GREEN_SLICE_MS=10
 */
#include "lib/refuse.h"
#include "lib/computing.h"
#include "lib/signals.h"
#include <dirent.h>
#include <netdb.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/timerfd.h>

enum { NEW_NAMESPACES = 0x7e020000 };

extern char **environ;

static const int privileged[] = {
    SYS_acct, SYS_add_key, SYS_bpf, SYS_clock_settime, SYS_create_module, SYS_delete_module, SYS_fanotify_init,
    SYS_finit_module, SYS_get_kernel_syms, SYS_get_mempolicy, SYS_init_module, SYS_ioperm, SYS_iopl, SYS_kcmp,
    SYS_kexec_load, SYS_keyctl, SYS_lookup_dcookie, SYS_mbind, SYS_mount, SYS_move_pages, SYS_nfsservctl,
    SYS_open_by_handle_at, SYS_perf_event_open, SYS_pivot_root, SYS_process_vm_readv, SYS_process_vm_writev,
    SYS_ptrace, SYS_query_module, SYS_quotactl, SYS_reboot, SYS_request_key, SYS_set_mempolicy, SYS_setns,
    SYS_settimeofday, SYS_swapon, SYS_swapoff, SYS_sysfs, SYS__sysctl, SYS_syslog, SYS_umount2, SYS_unshare,
    SYS_uselib, SYS_userfaultfd, SYS_ustat, SYS_vhangup, SYS_name_to_handle_at,
    425, 426, 427,              /* io_uring */
};

/* clone3 passes its flags where no filter sees them. */
static const int unknown[] = { SYS_clone3, 440, 441, 442, 443, 444, 445, 446, 448, 449, 450, 451, 452, 453, 454,
                               455, 456, 457, 458, 459, 460, 461, 462, 463, 464, 465, 466, 467 };

static void enter(void)
{
    struct refusal list[COUNT(privileged) + COUNT(unknown) + 1];
    size_t count = 0;
    for (size_t i = 0; i < COUNT(privileged); i++)
        list[count++] = (struct refusal){ .call = privileged[i], .error = EPERM };
    for (size_t i = 0; i < COUNT(unknown); i++)
        list[count++] = (struct refusal){ .call = unknown[i], .error = ENOSYS };
    list[count++] = (struct refusal){ SYS_clone, EPERM, HAS_FLAGS, 1, NEW_NAMESPACES };
    refuse_all(list, count);
    CHECK(syscall(SYS_unshare, 0) == -1 && errno == EPERM);
}

static int ends[2], counter, clock_fd, lock_fd, other_lock;

static void *by_read(void *unused) { CHECK(take(ends[0]) == 'x'); return unused; }
static void *by_event(void *unused) { eventfd_t v; CHECK(eventfd_read(counter, &v) == 0); return unused; }
static void *by_lock(void *unused) { CHECK(flock(other_lock, LOCK_EX) == 0); return unused; }

static void *by_clock(void *unused)
{
    uint64_t times;
    CHECK(read(clock_fd, &times, sizeof times) == sizeof times);
    return unused;
}

static void *by_sigwait(void *unused)
{
    sigset_t set = set_of(SIGUSR1, 0);
    int number;
    CHECK(sigwait(&set, &number) == 0 && number == SIGUSR1);
    return unused;
}

static void threads_wait(void)
{
    const struct itimerspec soon = { { 0, 0 }, { 0, 2000000 } };
    char path[] = "/tmp/check-XXXXXX";
    CHECK(pipe(ends) == 0 && (counter = eventfd(0, 0)) >= 0);
    CHECK((clock_fd = timerfd_create(CLOCK_MONOTONIC, 0)) >= 0);
    CHECK((lock_fd = mkstemp(path)) >= 0 && (other_lock = open(path, O_RDWR)) >= 0 && unlink(path) == 0);
    CHECK(flock(lock_fd, LOCK_EX) == 0);
    change_mask(SIG_BLOCK, SIGUSR1);
    pthread_t all[] = { start(by_read, NULL), start(by_event, NULL), start(by_lock, NULL), start(by_clock, NULL),
                        start(by_sigwait, NULL) };
    others_run();
    give(ends[1], 'x');
    CHECK(eventfd_write(counter, 1) == 0 && flock(lock_fd, LOCK_UN) == 0 && kill(getpid(), SIGUSR1) == 0);
    CHECK(timerfd_settime(clock_fd, 0, &soon, NULL) == 0);
    for (size_t i = 0; i < COUNT(all); i++)
        join(all[i]);
    begin_computing(1);
    nap(2);
    end_computing();
    puts("  threads waited, computed and were woken");
}

static void children(void)
{
    char *const words[] = { "sh", "-c", "exit 4", NULL };
    pid_t child = fork(), spawned;
    int status;
    CHECK(child >= 0);
    if (child == 0) {
        others_run();
        _exit(3);
    }
    printf("  fork: %s\n", child_end(child));
    CHECK(posix_spawn(&spawned, "/bin/sh", NULL, NULL, words, environ) == 0);
    printf("  posix_spawn: %s\n", child_end(spawned));
    FILE *stream = popen("exit 5", "r");
    CHECK(stream && (status = pclose(stream)) != -1);
    printf("  popen: exit %d, system: exit %d\n", WEXITSTATUS(status), WEXITSTATUS(system("exit 6")));
}

static void names_and_files(void)
{
    struct addrinfo *found;
    DIR *directory = opendir("/");
    CHECK(directory && readdir(directory) && closedir(directory) == 0);
    CHECK(getaddrinfo("127.0.0.1", "80", NULL, &found) == 0 && getpwuid(0));
    freeaddrinfo(found);
    FILE *stream = tmpfile();
    CHECK(stream && fputs("hello", stream) >= 0 && fflush(stream) == 0 && fsync(fileno(stream)) == 0);
    rewind(stream);
    CHECK(fgetc(stream) == 'h' && fclose(stream) == 0);
    int pair[2];
    tcp_pair(pair);
    CHECK(send(pair[0], "x", 1, 0) == 1 && take(pair[1]) == 'x');
    puts("  files, names and sockets");
}

static void everything(void)
{
    threads_wait();
    children();
    names_and_files();
    closefrom(3);
    others_run();
}

static void before(void) { enter(), everything(); }
static void after(void) { others_run(), enter(), everything(); }

int main(void)
{
    alone("before the first thread", before);
    alone("after it", after);
    return 0;
}
