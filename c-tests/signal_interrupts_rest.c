/* A handler ends each of these blocking calls with EINTR; with SA_RESTART the
 * ones that signal(7) lists go on, and the others still end. Waits for locks,
 * conditions, barriers and threads never fail with EINTR. signal_interrupts.c
 * and signal_interrupts_more.c have all the other calls of signal(7).
 *
 * test: timeout=60
 */
#include "lib/interrupts.h"

#include <semaphore.h>
#include <sys/uio.h>
#include <threads.h>

static int pair[2];
static const struct timeval day = { 86400, 0 };
static char filling[1 << 12];
static pid_t child;

static struct timespec tomorrow(clockid_t clock)
{
    struct timespec time;
    CHECK(clock_gettime(clock, &time) == 0);
    time.tv_sec += 86400;
    return time;
}

/* ---- sockets --------------------------------------------------------------- */

static void make_pair(void) { CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0); }
static void make_full_pair(void)
{
    make_pair();
    while (send(pair[0], filling, sizeof filling, MSG_DONTWAIT) > 0)
        ;
    CHECK(errno == EAGAIN);
}
static void empty(void)
{
    while (recv(pair[1], filling, sizeof filling, MSG_DONTWAIT) >= 0)
        ;
    CHECK(errno == EAGAIN);
}
static void give_byte(void) { give(pair[1], 'x'); }
static void make_timed_pair(void)
{
    make_pair();
    CHECK(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &day, sizeof day) == 0);
}
static void make_full_timed_pair(void)
{
    make_full_pair();
    CHECK(setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &day, sizeof day) == 0);
}
static struct iovec one = { filling, 1 };
static long do_sendmmsg(void)
{
    struct mmsghdr message = { .msg_hdr = { .msg_iov = &one, .msg_iovlen = 1 } };
    return sendmmsg(pair[0], &message, 1, 0);
}
static long do_recvfrom(void) { return recvfrom(pair[0], filling, 1, 0, NULL, NULL); }
static long do_recvmsg(void)
{
    struct msghdr message = { .msg_iov = &one, .msg_iovlen = 1 };
    return recvmsg(pair[0], &message, 0);
}
static long do_recvmmsg_timed(void)
{
    struct mmsghdr message = { .msg_hdr = { .msg_iov = &one, .msg_iovlen = 1 } };
    struct timespec time = { 86400, 0 };
    return recvmmsg(pair[0], &message, 1, 0, &time);
}
static long do_sendto(void) { return sendto(pair[0], filling, sizeof filling, 0, NULL, 0); }
static long do_sendmsg(void)
{
    struct msghdr message = { .msg_iov = &one, .msg_iovlen = 1 };
    return sendmsg(pair[0], &message, 0);
}
static long do_write(void) { return write(pair[0], filling, 1); }
static long do_preadv2(void) { return preadv2(pair[0], &one, 1, -1, 0); }
/* ---- children ---------------------------------------------------------------- */

static void make_child(void)
{
    make_pair();
    if (child > 0)              /* an interrupted wait has left it */
        waitpid(child, NULL, 0);
    if ((child = fork()) == 0) {
        take(pair[0]);
        _exit(0);
    }
    CHECK(child > 0);
}
static long do_wait(void) { return wait(NULL); }
static long do_wait3(void) { return wait3(NULL, 0, NULL); }

/* ---- what a handler does not end ---------------------------------------------- */

static pthread_mutex_t mutex;
static mtx_t c11_mutex;
static pthread_rwlock_t rwlock;
static pthread_barrier_t barrier;
static sem_t semaphore, go;
static pthread_t other;
static once_flag flag;

static void *hold(void *unused)
{
    while (sem_wait(&go) == -1)
        CHECK(errno == EINTR);
    return unused;
}
static void init_in_once(void) { hold(NULL); }
static void *in_once(void *unused)
{
    call_once(&flag, init_in_once);
    return unused;
}

static void make_mutex(void) { CHECK(pthread_mutex_init(&mutex, NULL) == 0 && pthread_mutex_lock(&mutex) == 0); }
static void unlock(void) { CHECK(pthread_mutex_unlock(&mutex) == 0); }
static long do_lock(void) { return -(pthread_mutex_lock(&mutex) || pthread_mutex_unlock(&mutex)); }
static long do_timedlock(void)
{
    struct timespec time = tomorrow(CLOCK_REALTIME);
    return -(pthread_mutex_timedlock(&mutex, &time) || pthread_mutex_unlock(&mutex));
}
static void make_c11(void) { CHECK(mtx_init(&c11_mutex, mtx_plain) == thrd_success && mtx_lock(&c11_mutex) == thrd_success); }
static void unlock_c11(void) { CHECK(mtx_unlock(&c11_mutex) == thrd_success); }
static long do_mtx_lock(void) { return -(mtx_lock(&c11_mutex) || mtx_unlock(&c11_mutex)); }
static void make_read_locked(void) { CHECK(pthread_rwlock_init(&rwlock, NULL) == 0 && pthread_rwlock_rdlock(&rwlock) == 0); }
static void make_write_locked(void) { CHECK(pthread_rwlock_init(&rwlock, NULL) == 0 && pthread_rwlock_wrlock(&rwlock) == 0); }
static void unlock_rwlock(void) { CHECK(pthread_rwlock_unlock(&rwlock) == 0); }
static long do_wrlock(void) { return -(pthread_rwlock_wrlock(&rwlock) || pthread_rwlock_unlock(&rwlock)); }
static long do_rdlock(void) { return -(pthread_rwlock_rdlock(&rwlock) || pthread_rwlock_unlock(&rwlock)); }
static void make_barrier(void) { CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0); }
static void arrive(void) { pthread_barrier_wait(&barrier); }
static long do_barrier(void) { int result = pthread_barrier_wait(&barrier); return -(result > 0); }
static void make_other(void) { CHECK(sem_init(&go, 0, 0) == 0); other = start(hold, NULL); }
static void let_go(void) { CHECK(sem_post(&go) == 0); }
static long do_join(void) { return -(pthread_join(other, NULL) != 0); }
static long do_timedjoin(void)
{
    struct timespec time = tomorrow(CLOCK_REALTIME);
    return -(pthread_timedjoin_np(other, NULL, &time) != 0);
}
static void make_once(void) { flag = (once_flag)ONCE_FLAG_INIT; CHECK(sem_init(&go, 0, 0) == 0); other = start(in_once, NULL); others_run(); }
static void end_once(void) { let_go(); join(other); }
static long do_once(void) { call_once(&flag, init_in_once); return 0; }
static void make_semaphore(void) { CHECK(sem_init(&semaphore, 0, 0) == 0); }
static void post(void) { CHECK(sem_post(&semaphore) == 0); }
static long do_clockwait(void)
{
    struct timespec time = tomorrow(CLOCK_MONOTONIC);
    return sem_clockwait(&semaphore, CLOCK_MONOTONIC, &time);
}

static const struct interrupted rows[] = {
    { "preadv2 socket", make_pair, do_preadv2, give_byte, 1 },
    { "sendmmsg", make_full_pair, do_sendmmsg, empty, 1 },
    { "recvfrom, SO_RCVTIMEO", make_timed_pair, do_recvfrom, give_byte, 0 },
    { "recvmsg, SO_RCVTIMEO", make_timed_pair, do_recvmsg, give_byte, 0 },
    { "recvmmsg with a time", make_pair, do_recvmmsg_timed, give_byte, 1 },
    { "sendto, SO_SNDTIMEO", make_full_timed_pair, do_sendto, empty, 0 },
    { "sendmsg, SO_SNDTIMEO", make_full_timed_pair, do_sendmsg, empty, 0 },
    { "write, SO_SNDTIMEO", make_full_timed_pair, do_write, empty, 0 },
    { "wait", make_child, do_wait, give_byte, 1 },
    { "wait3", make_child, do_wait3, give_byte, 1 },
    { "sem_clockwait", make_semaphore, do_clockwait, post, 0 },
};

/* These go on whatever the handler's flags are. */
static const struct interrupted never[] = {
    { "pthread_mutex_lock", make_mutex, do_lock, unlock, 1 },
    { "pthread_mutex_timedlock", make_mutex, do_timedlock, unlock, 1 },
    { "mtx_lock", make_c11, do_mtx_lock, unlock_c11, 1 },
    { "pthread_rwlock_wrlock", make_read_locked, do_wrlock, unlock_rwlock, 1 },
    { "pthread_rwlock_rdlock", make_write_locked, do_rdlock, unlock_rwlock, 1 },
    { "pthread_barrier_wait", make_barrier, do_barrier, arrive, 1 },
    { "pthread_join", make_other, do_join, let_go, 1 },
    { "pthread_timedjoin_np", make_other, do_timedjoin, let_go, 1 },
    { "call_once", make_once, do_once, end_once, 1 },
};

int main(int argc, char **argv)
{
    const char *only = argc > 1 ? argv[1] : NULL;
    interrupt_all(rows, COUNT(rows), only);
    for (size_t i = 0; i < COUNT(never); i++) {
        if (only && strcmp(only, never[i].name) != 0)
            continue;
        printf("%s", never[i].name);
        fflush(stdout);
        /* SA_ONSTACK without an alternate stack changes nothing; it stands for
         * "goes on" without SA_RESTART here. */
        interrupt_row(&never[i], SA_ONSTACK);
        interrupt_row(&never[i], SA_RESTART);
        puts("");
    }
    return 0;
}
