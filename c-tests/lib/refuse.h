/* The kernel refuses: system calls answered with an error by a seccomp filter, and
 * limits, as a sandbox, a container or an administrator sets them. seccomp(2),
 * prctl(2), getrlimit(2).
 *
 *   refuse(SYS_statx, ENOSYS);               from here on, in all threads, for good
 *   refuse_flags(SYS_preadv2, 6, RWF_NOWAIT, EOPNOTSUPP);   only if argument 6 has one of these bits
 *   refuse_value(SYS_prctl, 1, PR_SET_NAME, EPERM);         only if argument 1 is this
 *   refuse_from(SYS_mmap, 2, 16 << 20, ENOMEM);             only if argument 2 is as big
 *   refuse_all(list, COUNT(list));           many at once
 *
 *   limit(RLIMIT_NOFILE, 64);                the soft limit; UNLIMITED: as the hard one
 *   use_up_descriptors();                    until there is no number left
 *
 *   alone("name", body);                     body() in a child of its own, which must end by itself
 */
#ifndef REFUSE_H
#define REFUSE_H

#include "check.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* ---- system calls -------------------------------------------------------- */

enum refused_if { WHATEVER, HAS_FLAGS, HAS_VALUE, IS_AS_BIG };

/* Arguments count from 1. Flags and values are ints, sizes are whole words. */
struct refusal {
    int call, error;
    enum refused_if condition;
    int argument;
    uint64_t operand;
};

/* Appends the steps that answer one refusal, or go on to the next; returns how many. */
static inline size_t refusal_steps(const struct refusal *refusal, struct sock_filter *out)
{
    const unsigned low = (unsigned)(offsetof(struct seccomp_data, args)
                                    + 8 * (size_t)(refusal->argument - 1));
    const unsigned operand = (unsigned)refusal->operand;
    const struct sock_filter call[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)refusal->call, 0, 0),
    };
    const struct sock_filter flags[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, operand, 0, 1),
    };
    const struct sock_filter value[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, operand, 0, 1),
    };
    const struct sock_filter size[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low + 4),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (unsigned)(refusal->operand >> 32), 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(refusal->operand >> 32), 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, operand, 0, 1),
    };
    const struct sock_filter answer
        = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)refusal->error);
    const struct sock_filter *more[] = { NULL, flags, value, size };
    const size_t counts[] = { 0, COUNT(flags), COUNT(value), COUNT(size) };
    size_t count = counts[refusal->condition];

    memcpy(out, call, sizeof call);
    out[1].jf = (unsigned char)(count + 1);
    if (count)
        memcpy(out + 2, more[refusal->condition], count * sizeof *out);
    out[2 + count] = answer;
    return 3 + count;
}

/* For all threads there are and will be, so it can also come after the first. */
static inline void refuse_all(const struct refusal *list, size_t count)
{
    static struct sock_filter steps[BPF_MAXINSNS];
    const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    size_t length = 0;
    CHECK(count <= 400);
    for (size_t i = 0; i < count; i++)
        length += refusal_steps(&list[i], steps + length);
    steps[length++] = allow;
    struct sock_fprog program = { (unsigned short)length, steps };
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0);
}

static inline void refuse(int call, int error)
{
    refuse_all(&(struct refusal){ .call = call, .error = error }, 1);
}

static inline void refuse_flags(int call, int argument, unsigned flags, int error)
{
    refuse_all(&(struct refusal){ call, error, HAS_FLAGS, argument, flags }, 1);
}

static inline void refuse_value(int call, int argument, unsigned value, int error)
{
    refuse_all(&(struct refusal){ call, error, HAS_VALUE, argument, value }, 1);
}

static inline void refuse_from(int call, int argument, uint64_t least, int error)
{
    refuse_all(&(struct refusal){ call, error, IS_AS_BIG, argument, least }, 1);
}

/* ---- limits -------------------------------------------------------------- */

#define UNLIMITED RLIM_INFINITY

static inline void limit(int resource, rlim_t soft)
{
    struct rlimit now;
    CHECK(getrlimit(resource, &now) == 0);
    now.rlim_cur = soft == UNLIMITED || soft > now.rlim_max ? now.rlim_max : soft;
    CHECK(setrlimit(resource, &now) == 0);
}

/* Until open() fails with EMFILE; answers the last number. */
static inline int use_up_descriptors(void)
{
    int last = -1, fd;
    while ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0)
        last = fd;
    CHECK(errno == EMFILE);
    return last;
}

/* ---- cases --------------------------------------------------------------- */

enum { CASE_SECONDS = 8 };

/* What a filter or a limit does to one case must not be seen by the next, so each has a process. A case that
 * hangs is killed by SIGALRM; one inside another has half of what is left to that. */
static inline void alone(const char *name, void (*body)(void))
{
    unsigned left = alarm(0);
    CHECK(fflush(stdout) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(left ? left / 2 : CASE_SECONDS);
        body();
        CHECK(fflush(stdout) == 0);
        _exit(0);
    }
    alarm(left);
    /* Not in waitpid(): that may be what is tried. */
    const struct timespec millisecond = { 0, 1000000 };
    siginfo_t ended = { .si_pid = 0 };
    while (waitid(P_PID, (id_t)child, &ended, WEXITED | WNOWAIT | WNOHANG) == 0 && ended.si_pid == 0)
        nanosleep(&millisecond, NULL);
    printf("%s: %s\n", name, child_end(child));
    CHECK(fflush(stdout) == 0);
}

#endif
